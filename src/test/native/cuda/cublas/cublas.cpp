// Nothing is called in this library, but the JNI library needs it to be there.
#include <cstddef>

#include "../stand_in.h"

extern "C" size_t cublasGetCudartVersion() {
    return (size_t) stand_in::number("RUNTIME_VERSION", 13000);
}

// glibc has these from 2.36 on. In a bundle they are libevent's, which asks for nothing else that is so new; see bundle.sh.
#include <cstddef>
#include <cstdint>
#include <sys/random.h>

extern "C" void arc4random_buf(void* buffer, std::size_t size) {
    auto* next = static_cast<unsigned char*>(buffer);
    while (size > 0) {
        const ssize_t got = getrandom(next, size, 0);
        if (got > 0) {  // a signal may have interrupted it
            next += got;
            size -= static_cast<std::size_t>(got);
        }
    }
}

extern "C" std::uint32_t arc4random() {
    std::uint32_t value;
    arc4random_buf(&value, sizeof value);
    return value;
}

package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaGetLastError;
import static org.bytedeco.cuda.global.cudart.cudaGraphDestroy;
import static org.bytedeco.cuda.global.cudart.cudaGraphExecDestroy;
import static org.bytedeco.cuda.global.cudart.cudaGraphInstantiate;
import static org.bytedeco.cuda.global.cudart.cudaGraphLaunch;
import static org.bytedeco.cuda.global.cudart.cudaStreamBeginCapture;
import static org.bytedeco.cuda.global.cudart.cudaStreamCaptureModeThreadLocal;
import static org.bytedeco.cuda.global.cudart.cudaStreamEndCapture;

import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;

/** Work captured once, and launched as a whole each time that it is enqueued. */
final class CudaGraph implements Operation {
    private final CudaDevice device;
    private final Operation work;
    private final CUgraphExec_st executable = new CUgraphExec_st();

    /** Captures {@code work} on the compute stream, in the calling thread, whose other calls must wait until then. */
    CudaGraph(CudaDevice device, Operation work) {
        this.device = device;
        this.work = work;
        CudaStream stream = device.computeStream();
        device.makeCurrent();
        CUgraph_st graph = capture(stream, work);
        try {
            Cuda.check(cudaGraphInstantiate(executable, graph, 0), "cudaGraphInstantiate");
        } finally {
            cudaGraphDestroy(graph);
        }
    }

    private static CUgraph_st capture(CudaStream stream, Operation work) {
        CUgraph_st graph = new CUgraph_st();
        // Other threads may go on: what they call does not end up here, and does not disturb it.
        Cuda.check(cudaStreamBeginCapture(stream.handle(), cudaStreamCaptureModeThreadLocal),
                "cudaStreamBeginCapture");
        stream.setCapturing(true);
        boolean captured = false;
        try {
            work.enqueue(stream);
            captured = true;
        } finally {
            stream.setCapturing(false);
            int status = cudaStreamEndCapture(stream.handle(), graph);
            if (captured) {
                Cuda.check(status, "cudaStreamEndCapture");
            } else {
                // What spoilt the capture was said already; the next call shall not report it again.
                cudaGetLastError();
                if (!graph.isNull()) {
                    cudaGraphDestroy(graph);
                }
            }
        }
        return graph;
    }

    /** In a graph that is being captured the work itself becomes a part of that one. */
    @Override
    public void enqueue(Stream stream) {
        CudaStream cuda = CudaStream.of(stream);
        if (cuda.isCapturing()) {
            work.enqueue(stream);
            return;
        }
        device.makeCurrent();
        Cuda.check(cudaGraphLaunch(executable, cuda.handle()), "cudaGraphLaunch");
    }

    /** @return CUDA's status */
    int destroy() {
        return cudaGraphExecDestroy(executable);
    }
}

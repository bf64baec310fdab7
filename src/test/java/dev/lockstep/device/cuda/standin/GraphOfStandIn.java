package dev.lockstep.device.cuda.standin;

import static dev.lockstep.device.cuda.standin.StandInContract.check;

import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;

/** A graph that was captured from what a test enqueues. */
record GraphOfStandIn(CUgraph_st graph, CUgraphExec_st exec) implements AutoCloseable {
    private static final int THREAD_LOCAL = 1;

    GraphOfStandIn(CUstream_st stream, Runnable enqueue) {
        this(capture(stream, enqueue), new CUgraphExec_st());
        check(cudart.cudaGraphInstantiate(exec, graph, 0));
    }

    static void begin(CUstream_st stream) {
        check(cudart.cudaStreamBeginCapture(stream, THREAD_LOCAL));
    }

    private static CUgraph_st capture(CUstream_st stream, Runnable enqueue) {
        begin(stream);
        enqueue.run();
        CUgraph_st graph = new CUgraph_st();
        check(cudart.cudaStreamEndCapture(stream, graph));
        return graph;
    }

    void launch(CUstream_st stream) {
        check(cudart.cudaGraphLaunch(exec, stream));
    }

    @Override
    public void close() {
        cudart.cudaGraphExecDestroy(exec);
        cudart.cudaGraphDestroy(graph);
    }
}

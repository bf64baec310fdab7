// Capture and graphs. Only thread-local capture is modelled. A captured graph keeps its dependencies, and runs in the
// order that suits a program least: of the nodes that may run, the one captured last.
#include "streams.h"

namespace stand_in {
namespace {

// What the calling thread captures, if anything.
thread_local std::shared_ptr<Capture> own;

bool is_own_active() {
    return own && !own->ended;
}

// Marks a node and all that it depends on.
void mark(const std::vector<Node>& nodes, int node, std::vector<bool>& marked) {
    if (!marked[(size_t) node]) {
        marked[(size_t) node] = true;
        for (int dependency : nodes[(size_t) node].dependencies) {
            mark(nodes, dependency, marked);
        }
    }
}

std::vector<Node> least_suitable_order(const std::vector<Node>& nodes) {
    std::vector<Node> ordered;
    std::vector<bool> done(nodes.size());
    auto is_ready = [&](size_t node) {
        for (int dependency : nodes[node].dependencies) {
            if (!done[(size_t) dependency]) {
                return false;
            }
        }
        return !done[node];
    };
    while (ordered.size() < nodes.size()) {
        size_t node = nodes.size() - 1;
        while (!is_ready(node)) {
            --node;
        }
        done[node] = true;
        ordered.push_back(nodes[node]);
    }
    return ordered;
}

}  // namespace

int invalidate(Capture& capture, int code) {
    capture.invalid = true;
    return code;
}

int refuse_in_capture(int code) {
    Lock lock(streams().mutex);
    return is_own_active() ? invalidate(*own, code) : (int) SUCCESS;
}

int capture_node(Stream& stream, Node node) {
    Capture& capture = *stream.capture;
    if (capture.invalid) {
        return CAPTURE_INVALIDATED;
    }
    node.dependencies = stream.tail;
    stream.tail = {(int) capture.nodes.size()};
    capture.nodes.push_back(std::move(node));
    return SUCCESS;
}

int begin_capture(Stream* handle) {
    Lock lock(streams().mutex);
    Stream* stream = live(handle);
    if (stream == nullptr) {
        return INVALID_HANDLE;
    }
    if (handle == nullptr || is_own_active()) {
        return handle == nullptr ? CAPTURE_UNSUPPORTED : NOT_SUPPORTED;  // two captures of one thread are not modelled
    }
    if (stream->capture) {
        return invalidate(*stream->capture, CAPTURE_UNMATCHED);
    }
    own = stream->capture = std::make_shared<Capture>();
    own->origin = stream;
    own->thread = std::this_thread::get_id();
    stream->tail.clear();
    return SUCCESS;
}

int end_capture(Stream* handle, Graph** graph) {
    Lock lock(streams().mutex);
    Stream* stream = live(handle);
    if (stream == nullptr || graph == nullptr) {
        return stream == nullptr ? INVALID_HANDLE : INVALID_VALUE;
    }
    *graph = nullptr;
    std::shared_ptr<Capture> capture = stream->capture;
    if (!capture || capture->origin != stream) {
        return capture ? invalidate(*capture, CAPTURE_UNMATCHED) : (int) CAPTURE_UNMATCHED;
    }
    if (capture->thread != std::this_thread::get_id()) {
        return CAPTURE_WRONG_THREAD;
    }
    std::vector<bool> joined(capture->nodes.size());
    for (int node : stream->tail) {
        mark(capture->nodes, node, joined);
    }
    capture->ended = true;
    for (Stream* member : streams().streams) {
        if (member->capture == capture) {
            member->capture = nullptr;
            member->tail.clear();
        }
    }
    if (capture->invalid) {
        return CAPTURE_INVALIDATED;
    }
    for (bool node : joined) {
        if (!node) {
            return CAPTURE_UNJOINED;
        }
    }
    *graph = new Graph{capture->nodes};
    streams().graphs.insert(*graph);
    return SUCCESS;
}

int destroy_graph(Graph* graph) {
    Lock lock(streams().mutex);
    if (streams().graphs.erase(graph) == 0) {
        return INVALID_VALUE;
    }
    delete graph;
    return SUCCESS;
}

int instantiate(Graph* graph, GraphExec** exec) {
    Lock lock(streams().mutex);
    if (exec == nullptr || streams().graphs.count(graph) == 0) {
        return INVALID_VALUE;
    }
    *exec = new GraphExec{least_suitable_order(graph->nodes)};
    streams().execs.insert(*exec);
    return SUCCESS;
}

int launch(GraphExec* exec, Stream* handle) {
    Lock lock(streams().mutex);
    Stream* stream = live(handle);
    if (stream == nullptr || streams().execs.count(exec) == 0) {
        return stream == nullptr ? INVALID_HANDLE : INVALID_VALUE;
    }
    if (stream->capture) {
        return invalidate(*stream->capture, NOT_SUPPORTED);  // graphs within graphs are not modelled
    }
    for (const Node& node : exec->nodes) {
        Event* event = node.record != nullptr ? node.record : node.wait;
        if (event != nullptr && streams().events.count(event) == 0) {
            return INVALID_VALUE;
        }
    }
    for (const Node& node : exec->nodes) {
        if (node.record != nullptr) {
            append_record(*stream, *node.record);
        } else if (node.wait != nullptr) {
            if (node.wait->latest && !node.wait->latest->done) {
                append(*stream, {nullptr, node.wait->latest, nullptr});
            }
        } else {
            append(*stream, {node.task, nullptr, nullptr});
        }
    }
    return SUCCESS;
}

int destroy_exec(GraphExec* exec) {
    Lock lock(streams().mutex);
    if (streams().execs.erase(exec) == 0) {
        return INVALID_VALUE;
    }
    delete exec;
    return SUCCESS;
}

}  // namespace stand_in

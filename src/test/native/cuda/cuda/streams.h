// Streams, events and captures as streams.cpp and graphs.cpp see them.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "../stand_in.h"

namespace stand_in {

// One recording of an event: done as soon as the stream has come to it.
struct Record {
    Stream* stream;  // valid until done
    uint64_t position;
    bool done = false;
    double milliseconds = 0;
};

// One step of a stream: a task, or a wait, or a recording.
struct Work {
    Task task;
    std::shared_ptr<Record> wait;
    std::shared_ptr<Record> record;
};

// One node of a graph; a task, or an event that is recorded or waited for at each launch.
struct Node {
    Task task;
    Event* record = nullptr;
    Event* wait = nullptr;
    std::set<int> dependencies;
};

struct Capture {
    Stream* origin;
    std::thread::id thread;
    std::vector<Node> nodes;
    bool invalid = false;
    bool ended = false;
};

struct Stream {
    int device;
    std::deque<Work> queue;
    uint64_t enqueued = 0;   // steps, since the stream was created
    uint64_t demanded = 0;   // of these the worker may run
    uint64_t completed = 0;
    bool ending = false;
    std::thread worker;
    std::shared_ptr<Capture> capture;
    std::set<int> tail;  // the nodes that the next captured one depends on
};

struct Event {
    bool timing;
    std::shared_ptr<Record> latest;
    // Recorded in a capture: what a stream that waits for it depends on.
    std::shared_ptr<Capture> capture;
    std::set<int> dependencies;
};

struct Graph {
    std::vector<Node> nodes;
};

struct GraphExec {
    std::vector<Node> nodes;  // in the order in which they run
};

// All that follows is used with this lock held; no task runs under it.
struct Streams {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<Stream*> streams;
    std::set<Event*> events;
    std::set<Graph*> graphs;
    std::set<GraphExec*> execs;
    std::vector<Stream*> defaults;  // by device
};
Streams& streams();

using Lock = std::unique_lock<std::mutex>;

// The stream behind a handle, null if there is none.
Stream* live(Stream* handle);
void append(Stream& stream, Work work);
void append_record(Stream& stream, Event& event);
// Adds a node that follows the stream's last.
int capture_node(Stream& stream, Node node);
int invalidate(Capture& capture, int code);
void finish(Lock& lock, Stream& stream, uint64_t position);

}  // namespace stand_in

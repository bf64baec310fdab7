// Streams that run later. Each has a worker thread, which in the default mode ("lazy") runs a step only when something
// that waits demands it: what a program reads without having waited is what was there before. In mode "async" it runs
// each step as soon as it can, after delays drawn at random.
#include "streams.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace stand_in {
namespace {

double now_milliseconds() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool is_async() {
    return text("MODE", "lazy") == "async";
}

void delay() {
    thread_local std::minstd_rand random((unsigned) number("SEED", 1));
    unsigned drawn = random();
    if (drawn % 4 == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(drawn / 4 % 400));
    }
}

void run(Stream& stream) {
    Lock lock(streams().mutex);
    for (;;) {
        streams().changed.wait(lock, [&] { return stream.completed < stream.demanded || stream.ending; });
        if (stream.completed == stream.demanded) {
            return;
        }
        Work work = std::move(stream.queue.front());
        stream.queue.pop_front();
        if (work.wait && !work.wait->done) {
            std::shared_ptr<Record> record = work.wait;
            Stream& other = *record->stream;
            other.demanded = std::max(other.demanded, record->position);
            streams().changed.notify_all();
            streams().changed.wait(lock, [&] { return record->done; });
        }
        if (work.task && fault() == SUCCESS) {
            lock.unlock();
            if (is_async()) {
                delay();
            }
            int code = run_guarded(work.task);
            lock.lock();
            if (code != SUCCESS) {
                set_fault(code);
            }
        }
        if (work.record) {
            work.record->milliseconds = now_milliseconds();
            work.record->done = true;
        }
        ++stream.completed;
        streams().changed.notify_all();
    }
}

Stream* start_stream(int device) {
    Stream* stream = new Stream;
    stream->device = device;
    // Signals to the process are for the threads that it knows of.
    sigset_t all, before;
    sigfillset(&all);
    for (int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        sigdelset(&all, fatal);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    stream->worker = std::thread([stream] { run(*stream); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    streams().streams.insert(stream);
    return stream;
}

int synchronize(Lock& lock, Stream& stream) {
    finish(lock, stream, stream.enqueued);
    return fault();
}

}  // namespace

Streams& streams() {
    static Streams* streams = new Streams;
    return *streams;
}

Stream* live(Stream* handle) {
    if (handle != nullptr) {
        return streams().streams.count(handle) != 0 ? handle : nullptr;
    }
    size_t device = (size_t) current_device();
    if (streams().defaults.size() <= device) {
        streams().defaults.resize(device + 1);
    }
    if (streams().defaults[device] == nullptr) {
        streams().defaults[device] = start_stream((int) device);
    }
    return streams().defaults[device];
}

void append(Stream& stream, Work work) {
    stream.queue.push_back(std::move(work));
    ++stream.enqueued;
    if (is_async()) {
        stream.demanded = stream.enqueued;
        streams().changed.notify_all();
    }
}

void append_record(Stream& stream, Event& event) {
    event.capture = nullptr;
    event.latest = std::make_shared<Record>();
    event.latest->stream = &stream;
    event.latest->position = stream.enqueued + 1;
    append(stream, {nullptr, nullptr, event.latest});
}

void finish(Lock& lock, Stream& stream, uint64_t position) {
    stream.demanded = std::max(stream.demanded, position);
    streams().changed.notify_all();
    streams().changed.wait(lock, [&] { return stream.completed >= position; });
}

int create_stream(unsigned flags, Stream** stream) {
    if (stream == nullptr) {
        return INVALID_VALUE;
    }
    if (flags != 1) {
        report("only streams with cudaStreamNonBlocking are modelled");
        return NOT_SUPPORTED;
    }
    Lock lock(streams().mutex);
    *stream = start_stream(current_device());
    return SUCCESS;
}

int destroy_stream(Stream* handle) {
    Lock lock(streams().mutex);
    Stream* stream = handle == nullptr ? nullptr : live(handle);
    if (stream == nullptr) {
        return INVALID_HANDLE;
    }
    if (stream->capture) {
        return invalidate(*stream->capture, CAPTURE_UNSUPPORTED);
    }
    finish(lock, *stream, stream->enqueued);
    streams().streams.erase(stream);
    stream->ending = true;
    streams().changed.notify_all();
    lock.unlock();
    stream->worker.join();
    delete stream;
    return SUCCESS;
}

int stream_device(Stream* handle, int* device) {
    Lock lock(streams().mutex);
    Stream* stream = live(handle);
    if (stream == nullptr) {
        return INVALID_HANDLE;
    }
    *device = stream->device;
    return SUCCESS;
}

int is_capturing(Stream* handle, bool* capturing) {
    Lock lock(streams().mutex);
    Stream* stream = live(handle);
    if (stream == nullptr) {
        return INVALID_HANDLE;
    }
    *capturing = stream->capture != nullptr;
    return SUCCESS;
}

int enqueue(Stream* handle, Task task) {
    if (handle == nullptr) {
        if (int code = refuse_in_capture(CAPTURE_IMPLICIT)) {
            return code;
        }
    }
    Lock lock(streams().mutex);
    Stream* stream = live(handle);
    if (stream == nullptr) {
        return INVALID_HANDLE;
    }
    if (stream->capture) {
        Node node;
        node.task = std::move(task);
        return capture_node(*stream, std::move(node));
    }
    append(*stream, {std::move(task), nullptr, nullptr});
    return SUCCESS;
}

int synchronize(Stream* handle) {
    Lock lock(streams().mutex);
    Stream* stream = live(handle);
    if (stream == nullptr) {
        return INVALID_HANDLE;
    }
    return stream->capture ? invalidate(*stream->capture, CAPTURE_UNSUPPORTED) : synchronize(lock, *stream);
}

int synchronize_all() {
    Lock lock(streams().mutex);
    std::vector<Stream*> all(streams().streams.begin(), streams().streams.end());
    for (Stream* stream : all) {
        if (streams().streams.count(stream) != 0) {
            synchronize(lock, *stream);
        }
    }
    return fault();
}

int create_event(unsigned flags, Event** event) {
    constexpr unsigned BLOCKING_SYNC = 1, DISABLE_TIMING = 2;
    if (event == nullptr || (flags & ~(BLOCKING_SYNC | DISABLE_TIMING)) != 0) {
        return INVALID_VALUE;
    }
    *event = new Event;
    (*event)->timing = (flags & DISABLE_TIMING) == 0;
    Lock lock(streams().mutex);
    streams().events.insert(*event);
    return SUCCESS;
}

int destroy_event(Event* event) {
    Lock lock(streams().mutex);
    if (streams().events.erase(event) == 0) {
        return INVALID_HANDLE;
    }
    delete event;
    return SUCCESS;
}

int record(Event* event, Stream* handle, bool external) {
    Lock lock(streams().mutex);
    Stream* stream = live(handle);
    if (stream == nullptr || streams().events.count(event) == 0) {
        return INVALID_HANDLE;
    }
    if (!stream->capture) {
        append_record(*stream, *event);
    } else if (external) {
        Node node;
        node.record = event;
        return capture_node(*stream, std::move(node));
    } else {
        event->latest = nullptr;
        event->capture = stream->capture;
        event->dependencies = stream->tail;
    }
    return SUCCESS;
}

int wait_event(Stream* handle, Event* event, bool external) {
    Lock lock(streams().mutex);
    Stream* stream = live(handle);
    if (stream == nullptr || streams().events.count(event) == 0) {
        return INVALID_HANDLE;
    }
    if (stream->capture && external) {
        Node node;
        node.wait = event;
        return capture_node(*stream, std::move(node));
    }
    if (event->capture && (event->capture->ended || event->capture->invalid)) {
        return CAPTURED_EVENT;
    }
    if (stream->capture && event->capture && event->capture != stream->capture) {
        invalidate(*event->capture, CAPTURE_MERGE);
        return invalidate(*stream->capture, CAPTURE_MERGE);
    }
    if (event->capture) {
        stream->capture = event->capture;  // a fork of the capture, if the stream is not yet in it
        stream->tail.insert(event->dependencies.begin(), event->dependencies.end());
    } else if (stream->capture && event->latest) {
        return invalidate(*stream->capture, CAPTURE_ISOLATION);
    } else if (event->latest && !event->latest->done) {
        append(*stream, {nullptr, event->latest, nullptr});
    }
    return SUCCESS;
}

int synchronize_event(Event* event) {
    Lock lock(streams().mutex);
    if (streams().events.count(event) == 0) {
        return INVALID_HANDLE;
    }
    if (event->capture) {
        return event->capture->ended ? (int) CAPTURED_EVENT : invalidate(*event->capture, CAPTURED_EVENT);
    }
    std::shared_ptr<Record> record = event->latest;
    if (record && !record->done) {
        finish(lock, *record->stream, record->position);
    }
    return fault();
}

int elapsed(Event* start, Event* end, float* milliseconds) {
    Lock lock(streams().mutex);
    if (streams().events.count(start) == 0 || streams().events.count(end) == 0 || !start->timing || !end->timing
            || !start->latest || !end->latest) {
        return INVALID_HANDLE;
    }
    if (!start->latest->done || !end->latest->done) {
        return NOT_READY;
    }
    *milliseconds = (float) (end->latest->milliseconds - start->latest->milliseconds);
    return SUCCESS;
}

}  // namespace stand_in

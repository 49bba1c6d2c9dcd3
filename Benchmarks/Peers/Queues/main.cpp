// SPDX-License-Identifier: MIT

// Queues in C++ and C that those of ConcurrentQueues are measured against, with the same loops.

#include <concurrentqueue/concurrentqueue.h>

#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <bit>
#include <cstdint>
#include <iterator>

#include "ck.h"
#include "queue_trial.h"
#include "scq.hpp"
#include "vyukov.hpp"

namespace {

// A queue with the loops of a trial: one virtual call for each loop, not for each element.
struct subject {
    virtual ~subject() = default;
    virtual void push(uint64_t first, uint64_t count) = 0;
    virtual uint64_t pop(uint64_t count) = 0;
    virtual uint64_t pairs(uint64_t first, uint64_t count) = 0;
};

// The loops over handles of a queue: what `Q::handle` offers and takes.
template <typename Q>
struct loops final : subject {
    Q queue;

    template <typename... A>
    explicit loops(A... arguments) : queue(arguments...) {}

    static void offer(typename Q::handle &handle, uint64_t number) {
        unsigned tries = 0;
        while (!handle.offer(number)) queue_trial_wait(&tries);
    }

    static uint64_t take(typename Q::handle &handle) {
        unsigned tries = 0;
        uint64_t number = 0;
        while (!handle.take(number)) queue_trial_wait(&tries);
        return number;
    }

    void push(uint64_t first, uint64_t count) override {
        typename Q::handle handle(queue);
        for (uint64_t number = first; number < first + count; number++) offer(handle, number);
    }

    uint64_t pop(uint64_t count) override {
        typename Q::handle handle(queue);
        uint64_t sum = 0;
        while (count-- > 0) sum += take(handle);
        return sum;
    }

    uint64_t pairs(uint64_t first, uint64_t count) override {
        typename Q::handle handle(queue);
        uint64_t sum = 0;
        for (uint64_t number = first; number < first + count; number++) {
            offer(handle, number);
            sum += take(handle);
        }
        return sum;
    }
};

// A queue whose operations need no handle: `Q` has offer and take.
template <typename Q>
struct plain : Q {
    using Q::Q;
    struct handle {
        plain &queue;
        explicit handle(plain &queue) : queue(queue) {}
        bool offer(uint64_t number) { return queue.offer(number); }
        bool take(uint64_t &number) { return queue.take(number); }
    };
};

struct own_vyukov : vyukov_queue<uint64_t> {
    using vyukov_queue::vyukov_queue;
    bool offer(uint64_t number) { return try_push(number); }
    bool take(uint64_t &number) { return try_pop(number); }
};

struct own_scq : scq_queue<uint64_t> {
    using scq_queue::scq_queue;
    bool offer(uint64_t number) { return try_push(number); }
    bool take(uint64_t &number) { return try_pop(number); }
};

struct boost_mpmc {
    boost::lockfree::queue<uint64_t, boost::lockfree::fixed_sized<true>> queue;
    // Its nodes are numbered with 16 bits.
    explicit boost_mpmc(uint64_t capacity) : queue(capacity < 65000 ? capacity : 65000) {}
    bool offer(uint64_t number) { return queue.bounded_push(number); }
    bool take(uint64_t &number) { return queue.pop(number); }
};

struct boost_spsc {
    boost::lockfree::spsc_queue<uint64_t> queue;
    explicit boost_spsc(uint64_t capacity) : queue(capacity) {}
    bool offer(uint64_t number) { return queue.push(number); }
    bool take(uint64_t &number) { return queue.pop(number); }
};

// Concurrency Kit's ring, whose loops are C.
#define CK_SUBJECT(kind)                                                   \
    struct ck_##kind final : subject {                                     \
        void *queue;                                                       \
        explicit ck_##kind(uint64_t capacity) : queue(ck_make(capacity)) {} \
        void push(uint64_t first, uint64_t count) override {               \
            ck_##kind##_push(queue, first, count);                         \
        }                                                                  \
        uint64_t pop(uint64_t count) override {                            \
            return ck_##kind##_pop(queue, count);                          \
        }                                                                  \
        uint64_t pairs(uint64_t first, uint64_t count) override {          \
            return ck_##kind##_pairs(queue, first, count);                 \
        }                                                                  \
    };
CK_SUBJECT(mpmc)
CK_SUBJECT(spsc)

struct moody {
    moodycamel::ConcurrentQueue<uint64_t> queue;
    explicit moody(uint64_t capacity) : queue(capacity) {}
    bool offer(uint64_t number) { return queue.enqueue(number); }
    bool take(uint64_t &number) { return queue.try_dequeue(number); }
};

struct moody_tokens {
    moodycamel::ConcurrentQueue<uint64_t> queue;
    explicit moody_tokens(uint64_t capacity) : queue(capacity) {}
    struct handle {
        moodycamel::ConcurrentQueue<uint64_t> &queue;
        moodycamel::ProducerToken producer;
        moodycamel::ConsumerToken consumer;
        explicit handle(moody_tokens &of)
            : queue(of.queue), producer(of.queue), consumer(of.queue) {}
        bool offer(uint64_t number) { return queue.enqueue(producer, number); }
        bool take(uint64_t &number) { return queue.try_dequeue(consumer, number); }
    };
};

template <typename S>
subject *make(uint64_t capacity) {
    return new S(capacity);
}

const struct {
    const char *name;
    subject *(*make)(uint64_t capacity);
} queues[] = {
    {"vyukov-cpp", make<loops<plain<own_vyukov>>>},
    {"scq-cpp", make<loops<plain<own_scq>>>},
    {"boost-queue", make<loops<plain<boost_mpmc>>>},
    {"boost-spsc", make<loops<plain<boost_spsc>>>},
    {"ck-mpmc", make<ck_mpmc>},
    {"ck-spsc", make<ck_spsc>},
    {"moodycamel", make<loops<plain<moody>>>},
    {"moodycamel-tokens", make<loops<moody_tokens>>},
};

subject *of(void *queue) { return static_cast<subject *>(queue); }

}  // namespace

int main(int argc, char **argv) {
    const char *names[std::size(queues)];
    for (size_t index = 0; index < std::size(queues); index++) names[index] = queues[index].name;
    queue_subjects subjects = {};
    subjects.names = names;
    subjects.count = std::size(queues);
    subjects.make = [](unsigned number, uint64_t capacity, unsigned) -> void * {
        return queues[number].make(std::bit_ceil(capacity));
    };
    subjects.push = [](void *queue, uint64_t first, uint64_t count) {
        of(queue)->push(first, count);
    };
    subjects.pop = [](void *queue, uint64_t count) { return of(queue)->pop(count); };
    subjects.pairs = [](void *queue, uint64_t first, uint64_t count) {
        return of(queue)->pairs(first, count);
    };
    return queue_trial(argc, argv, &subjects);
}

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

// An element of 64 bytes: the number stands at both ends.
struct wide {
    uint64_t first;
    uint64_t middle[6];
    uint64_t last;
};

void put(uint64_t &element, uint64_t number) { element = number; }
void put(wide &element, uint64_t number) { element = {number, {1, 2, 3, 4, 5, 6}, number}; }
uint64_t number_of(uint64_t element) { return element; }
uint64_t number_of(const wide &element) { return element.first & element.last; }

// The loops over handles of a queue: what `Q::handle` offers and takes.
template <typename Q>
struct loops final : subject {
    Q queue;

    template <typename... A>
    explicit loops(A... arguments) : queue(arguments...) {}

    static void offer(typename Q::handle &handle, uint64_t number) {
        unsigned tries = 0;
        typename Q::element element;
        put(element, number);
        while (!handle.offer(element)) queue_trial_wait(&tries);
    }

    static uint64_t take(typename Q::handle &handle) {
        unsigned tries = 0;
        typename Q::element element = {};
        while (!handle.take(element)) queue_trial_wait(&tries);
        return number_of(element);
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
    using element = typename Q::element;
    struct handle {
        plain &queue;
        explicit handle(plain &queue) : queue(queue) {}
        bool offer(const element &offered) { return queue.offer(offered); }
        bool take(element &taken) { return queue.take(taken); }
    };
};

template <typename E>
struct own_vyukov : vyukov_queue<E> {
    using element = E;
    using vyukov_queue<E>::vyukov_queue;
    bool offer(const E &offered) { return this->try_push(offered); }
    bool take(E &taken) { return this->try_pop(taken); }
};

template <typename E>
struct own_scq : scq_queue<E> {
    using element = E;
    using scq_queue<E>::scq_queue;
    bool offer(const E &offered) { return this->try_push(offered); }
    bool take(E &taken) { return this->try_pop(taken); }
};

template <typename E>
struct boost_mpmc {
    using element = E;
    boost::lockfree::queue<E, boost::lockfree::fixed_sized<true>> queue;
    // Its nodes are numbered with 16 bits.
    explicit boost_mpmc(uint64_t capacity) : queue(capacity < 65000 ? capacity : 65000) {}
    bool offer(const E &offered) { return queue.bounded_push(offered); }
    bool take(E &taken) { return queue.pop(taken); }
};

template <typename E>
struct boost_spsc {
    using element = E;
    boost::lockfree::spsc_queue<E> queue;
    explicit boost_spsc(uint64_t capacity) : queue(capacity) {}
    bool offer(const E &offered) { return queue.push(offered); }
    bool take(E &taken) { return queue.pop(taken); }
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

template <typename E>
struct moody {
    using element = E;
    moodycamel::ConcurrentQueue<E> queue;
    explicit moody(uint64_t capacity) : queue(capacity) {}
    bool offer(const E &offered) { return queue.enqueue(offered); }
    bool take(E &taken) { return queue.try_dequeue(taken); }
};

template <typename E>
struct moody_tokens {
    using element = E;
    moodycamel::ConcurrentQueue<E> queue;
    explicit moody_tokens(uint64_t capacity) : queue(capacity) {}
    struct handle {
        moodycamel::ConcurrentQueue<E> &queue;
        moodycamel::ProducerToken producer;
        moodycamel::ConsumerToken consumer;
        explicit handle(moody_tokens &of)
            : queue(of.queue), producer(of.queue), consumer(of.queue) {}
        bool offer(const E &offered) { return queue.enqueue(producer, offered); }
        bool take(E &taken) { return queue.try_dequeue(consumer, taken); }
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
    {"vyukov-cpp", make<loops<plain<own_vyukov<uint64_t>>>>},
    {"scq-cpp", make<loops<plain<own_scq<uint64_t>>>>},
    {"boost-queue", make<loops<plain<boost_mpmc<uint64_t>>>>},
    {"boost-spsc", make<loops<plain<boost_spsc<uint64_t>>>>},
    {"moodycamel", make<loops<plain<moody<uint64_t>>>>},
    {"moodycamel-tokens", make<loops<moody_tokens<uint64_t>>>},
    {"ck-mpmc", make<ck_mpmc>},
    {"ck-spsc", make<ck_spsc>},
    {"vyukov-cpp-64", make<loops<plain<own_vyukov<wide>>>>},
    {"scq-cpp-64", make<loops<plain<own_scq<wide>>>>},
    {"boost-queue-64", make<loops<plain<boost_mpmc<wide>>>>},
    {"boost-spsc-64", make<loops<plain<boost_spsc<wide>>>>},
    {"moodycamel-64", make<loops<plain<moody<wide>>>>},
    {"moodycamel-tokens-64", make<loops<moody_tokens<wide>>>},
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

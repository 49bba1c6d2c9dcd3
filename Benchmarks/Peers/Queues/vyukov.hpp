// SPDX-License-Identifier: MIT

// D. Vyukov's bounded MPMC queue, as one would write it in C++: the reference for BoundedMPMCQueue.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

template <typename T>
class vyukov_queue {
    struct cell {
        std::atomic<uint64_t> turn;
        T value;
    };

    alignas(64) std::atomic<uint64_t> tail{0};
    alignas(64) std::atomic<uint64_t> head{0};
    alignas(64) const uint64_t mask;
    const std::unique_ptr<cell[]> cells;

  public:
    explicit vyukov_queue(uint64_t capacity) : mask(capacity - 1), cells(new cell[capacity]) {
        for (uint64_t index = 0; index < capacity; index++) cells[index].turn.store(index);
    }

    bool try_push(const T &value) {
        uint64_t ticket = tail.load(std::memory_order_relaxed);
        for (;;) {
            cell &place = cells[ticket & mask];
            int64_t lag = int64_t(place.turn.load(std::memory_order_acquire) - ticket);
            if (lag < 0) return false;
            if (lag > 0) {
                ticket = tail.load(std::memory_order_relaxed);
            } else if (tail.compare_exchange_weak(ticket, ticket + 1, std::memory_order_relaxed)) {
                place.value = value;
                place.turn.store(ticket + 1, std::memory_order_release);
                return true;
            }
        }
    }

    bool try_pop(T &value) {
        uint64_t ticket = head.load(std::memory_order_relaxed);
        for (;;) {
            cell &place = cells[ticket & mask];
            int64_t lag = int64_t(place.turn.load(std::memory_order_acquire) - (ticket + 1));
            if (lag < 0) return false;
            if (lag > 0) {
                ticket = head.load(std::memory_order_relaxed);
            } else if (head.compare_exchange_weak(ticket, ticket + 1, std::memory_order_relaxed)) {
                value = place.value;
                place.turn.store(ticket + mask + 1, std::memory_order_release);
                return true;
            }
        }
    }
};

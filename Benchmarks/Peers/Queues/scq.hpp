// SPDX-License-Identifier: MIT

// R. Nikolaev's SCQ (DISC 2019) as one would write it in C++: the reference for LockFreeMPMCQueue.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

// A queue of the indices below `capacity`, each at most once. An entry is a turn, a bit "safe", and
// an index; all bits of the index set mean "none".
class scq_ring {
    alignas(64) std::atomic<uint64_t> tail;
    alignas(64) std::atomic<uint64_t> head;
    alignas(64) std::atomic<int64_t> threshold;
    alignas(64) const uint64_t capacity;
    const uint64_t size;
    unsigned order = 0;
    std::unique_ptr<std::atomic<uint64_t>[]> entries;

    uint64_t none() const { return size - 1; }
    uint64_t safe() const { return size; }
    uint64_t turn_of(uint64_t word) const { return word / (size * 2); }
    uint64_t entry(uint64_t turn, uint64_t safe_bit, uint64_t index) const {
        return turn * size * 2 + safe_bit + index;
    }

    // Neighbouring tickets lie on different cache lines.
    std::atomic<uint64_t> &at(uint64_t ticket) {
        uint64_t place = ticket & (size - 1);
        if (order > 3) place = ((place << 3) | (place >> (order - 3))) & (size - 1);
        return entries[place];
    }

    void catch_up(uint64_t end, uint64_t first) {
        while (!tail.compare_exchange_weak(end, first)) {
            first = head.load();
            end = tail.load();
            if (end >= first) return;
        }
    }

  public:
    scq_ring(uint64_t capacity, bool is_full)
        : capacity(capacity), size(2 * capacity), entries(new std::atomic<uint64_t>[2 * capacity]) {
        for (uint64_t rest = size; rest > 1; rest /= 2) order++;
        for (uint64_t index = 0; index < size; index++) {
            entries[index].store(entry(0, safe(), none()));
        }
        // Tickets begin at the second turn: turn 0 is older than all.
        head.store(size);
        tail.store(size);
        threshold.store(-1);
        if (is_full) {
            for (uint64_t index = 0; index < capacity; index++) push(index);
        }
    }

    void push(uint64_t index) {
        for (;;) {
            uint64_t ticket = tail.fetch_add(1), turn = ticket / size;
            std::atomic<uint64_t> &place = at(ticket);
            uint64_t word = place.load(std::memory_order_acquire);
            while (turn_of(word) < turn && (word & none()) == none() &&
                   ((word & safe()) != 0 || head.load() <= ticket)) {
                if (!place.compare_exchange_weak(word, entry(turn, safe(), index))) continue;
                int64_t most = int64_t(3 * capacity - 1);
                if (threshold.load() != most) threshold.store(most);
                return;
            }
        }
    }

    bool pop(uint64_t &index) {
        if (threshold.load() < 0) return false;
        for (;;) {
            uint64_t ticket = head.fetch_add(1), turn = ticket / size;
            std::atomic<uint64_t> &place = at(ticket);
            uint64_t word = place.load(std::memory_order_acquire);
            for (;;) {
                if (turn_of(word) == turn) {
                    index = word & none();
                    place.fetch_or(none(), std::memory_order_acq_rel);
                    return true;
                }
                if (turn_of(word) > turn) break;
                uint64_t other = (word & none()) == none() ? entry(turn, word & safe(), none())
                                                           : word & ~safe();
                if (word == other || place.compare_exchange_weak(word, other)) break;
            }
            uint64_t end = tail.load();
            if (end <= ticket + 1) {
                catch_up(end, ticket + 1);
                threshold.fetch_sub(1);
                return false;
            }
            if (threshold.fetch_sub(1) <= 0) return false;
        }
    }
};

template <typename T>
class scq_queue {
    scq_ring free, full;
    std::unique_ptr<T[]> values;

  public:
    explicit scq_queue(uint64_t capacity)
        : free(capacity, true), full(capacity, false), values(new T[capacity]) {}

    bool try_push(const T &value) {
        uint64_t index;
        if (!free.pop(index)) return false;
        values[index] = value;
        full.push(index);
        return true;
    }

    bool try_pop(T &value) {
        uint64_t index;
        if (!full.pop(index)) return false;
        value = values[index];
        free.push(index);
        return true;
    }
};

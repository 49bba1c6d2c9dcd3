// SPDX-License-Identifier: MIT

package main

import "sync"

var works = map[string]func(size int, threads int, count uint64) []worker{
	"channel-bounded": func(size int, threads int, count uint64) []worker {
		return halvesOn(make(chan uint64, size), threads/2, threads/2, count)
	},
	"channel-rendezvous": func(_ int, threads int, count uint64) []worker {
		return halvesOn(make(chan uint64), threads/2, threads/2, count)
	},
	"channel-once": func(_ int, _ int, count uint64) []worker {
		return []worker{func() uint64 { return once(count) }}
	},
	"condition": func(_ int, _ int, count uint64) []worker {
		return []worker{func() uint64 { return signal(count) }}
	},
	"pool": poolWorkers,
}

func halvesOn(channel chan uint64, producers int, consumers int, count uint64) []worker {
	var workers []worker
	for index := 0; index < producers; index++ {
		each := count / uint64(producers)
		first := uint64(index) * each
		workers = append(workers, func() uint64 { return send(channel, first, each) })
	}
	for index := 0; index < consumers; index++ {
		each := count / uint64(consumers)
		workers = append(workers, func() uint64 { return receive(channel, each) })
	}
	return workers
}

func pairsOn(channel chan uint64, pairs int, count uint64) []worker {
	var workers []worker
	for index := 0; index < pairs; index++ {
		each := count / uint64(pairs)
		first := uint64(index) * each
		workers = append(workers, func() uint64 { return sendAndReceive(channel, first, each) })
	}
	return workers
}

func send(channel chan<- uint64, first uint64, count uint64) uint64 {
	for number := first; number < first+count; number++ {
		channel <- number
	}
	return 0
}

func receive(channel <-chan uint64, count uint64) uint64 {
	sum := uint64(0)
	for ; count > 0; count-- {
		sum += <-channel
	}
	return sum
}

func sendAndReceive(channel chan uint64, first uint64, count uint64) uint64 {
	sum := uint64(0)
	for number := first; number < first+count; number++ {
		channel <- number
		sum += <-channel
	}
	return sum
}

// A channel for one value: made, used and dropped.
func once(count uint64) uint64 {
	sum := uint64(0)
	for number := uint64(0); number < count; number++ {
		channel := make(chan uint64, 1)
		channel <- number
		sum += <-channel
	}
	return sum
}

// Signals for which nobody waits.
func signal(count uint64) uint64 {
	condition := sync.NewCond(&sync.Mutex{})
	sum := uint64(0)
	for number := uint64(0); number < count; number++ {
		condition.Signal()
		sum += number
	}
	return sum
}

// An object as large as a slot of a pool.
type object struct {
	number uint64
	rest   [56]byte
}

func poolWorkers(_ int, threads int, count uint64) []worker {
	pool := &sync.Pool{New: func() any { return new(object) }}
	var workers []worker
	for index := 0; index < threads; index++ {
		each := count / uint64(threads)
		first := uint64(index) * each
		workers = append(workers, func() uint64 { return getAndPut(pool, first, each) })
	}
	return workers
}

func getAndPut(pool *sync.Pool, first uint64, count uint64) uint64 {
	sum := uint64(0)
	for number := first; number < first+count; number++ {
		taken := pool.Get().(*object)
		taken.number = number
		sum += taken.number
		pool.Put(taken)
	}
	return sum
}

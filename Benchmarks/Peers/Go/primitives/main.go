// SPDX-License-Identifier: MIT

// Go's channels, its condition variable and its pool, which Millrace's primitives are measured
// against: options and results as those of the trials in C, goroutines in place of threads. How
// many run at a time is what the CPUs allow that the process may use.
package main

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// A worker does its part and answers the sum of the numbers that it completed.
type worker func() uint64

func complain(text string) {
	fmt.Fprintln(os.Stderr, "primitives_go:", text)
	os.Exit(2)
}

func processNanoseconds() uint64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return uint64(usage.Utime.Nano() + usage.Stime.Nano())
}

// Lets all begin at once, and prints the line of results when the last is done.
func perform(workers []worker, count uint64) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	sums := make([]uint64, len(workers))
	ready.Add(len(workers))
	done.Add(len(workers))
	for index, work := range workers {
		go func(index int, work worker) {
			ready.Done()
			<-start
			sums[index] = work()
			done.Done()
		}(index, work)
	}
	ready.Wait()
	cpu := processNanoseconds()
	begin := time.Now()
	close(start)
	done.Wait()
	elapsed := time.Since(begin).Nanoseconds()
	cpu = processNanoseconds() - cpu
	sum := uint64(0)
	for _, part := range sums {
		sum += part
	}
	fmt.Printf("result operations=%d checksum=%d nanoseconds=%d cpu_ns=%d\n", count, sum, elapsed, cpu)
}

func main() {
	queue := flag.String("queue", "", "")
	producers := flag.Int("producers", 1, "")
	consumers := flag.Int("consumers", 1, "")
	pairs := flag.Int("pairs", 0, "")
	capacity := flag.Int("capacity", 1024, "")
	work := flag.String("work", "", "")
	threads := flag.Int("threads", 1, "")
	size := flag.Int("size", 1024, "")
	count := flag.Uint64("count", 1000000, "")
	flag.Parse()
	switch {
	case *queue == "go-channel" && *pairs > 0:
		perform(pairsOn(make(chan uint64, *capacity), *pairs, *count), *count)
	case *queue == "go-channel":
		perform(halvesOn(make(chan uint64, *capacity), *producers, *consumers, *count), *count)
	case *queue == "" && works[*work] != nil:
		perform(works[*work](*size, *threads, *count), *count)
	default:
		complain("no such queue or work: go-channel; channel-bounded, channel-rendezvous, channel-once, condition, pool")
	}
}

// SPDX-License-Identifier: MIT

// A tree of directories is walked by several threads, in any order. Each pushes the directories
// that it finds to its own lane and takes them from there, undisturbed; who finds nothing there
// takes from another's. What does not fit into the lane is walked at once.
//
//     swift run -c release example_relaxed_queue

import AtomicSupport
import ConcurrentQueues
import StressSupport

/// A directory of a made-up tree: two directories in each, down to a depth, and eight files.
struct Directory {
    var depth: Int
}

let depthMax = 10
let walkerCount = 4

/// What the walkers share.
final class Walk: Sendable {
    let queue = RelaxedMPMCQueue<Directory>(laneCount: walkerCount, laneCapacity: 32)
    /// Directories that are known and not done.
    let open = Atomic<Int>(1)
    let directories = Atomic<Int>(0)
    let files = Atomic<Int>(0)
}

let walk = Walk()

/// Visits a directory; its subdirectories go to the lane, or are visited here if it is full.
func visit(_ directory: Directory, _ handle: RelaxedQueueHandle) {
    walk.directories.add(1, ordering: .relaxed)
    walk.files.add(8, ordering: .relaxed)
    if directory.depth < depthMax {
        for _ in 0..<2 {
            walk.open.add(1, ordering: .relaxed)
            let found = Directory(depth: directory.depth + 1)
            if let refused = walk.queue.tryPush(found, by: handle) { visit(refused, handle) }
        }
    }
    // The last one that is done ends the walk for all.
    if walk.open.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { walk.queue.close() }
}

/// Visits what there is to visit, until there will be no more.
@Sendable func work(_ index: Int) {
    var handle = walk.queue.makeHandle()
    if index == 0 { visit(Directory(depth: 0), handle) }
    var backoff = Backoff()
    while !walk.queue.isDrained {  // Ends behind the `close` of the last visit.
        if let directory = walk.queue.tryPop(by: &handle) {
            visit(directory, handle)
            backoff = Backoff()
        } else {
            backoff.snooze()
        }
    }
}

ThreadTeam.run(count: walkerCount) { work($0) }
let directories = walk.directories.load(ordering: .relaxed)
let files = walk.files.load(ordering: .relaxed)
let isWhole = directories == (2 << depthMax) - 1 && files == 8 * directories
print("\(directories) directories, \(files) files: \(isWhole ? "each visited once" : "WRONG")")

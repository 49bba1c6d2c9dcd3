// SPDX-License-Identifier: MIT

import AtomicSupport
import Channels
import ConcurrentQueues

/// Sends, receives, closes, and asks for more.
func useChannels() {
    let soon = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000)
    let channel = BoundedChannel<Int>(capacity: 2)
    check(channel.blockingSend(1, until: soon) == nil, "Channels: an empty channel refused")
    check(channel.trySend(2) == nil, "Channels: a channel with a place refused")
    let late = channel.blockingSend(3, until: soon)
    check(late?.reason == .timedOut, "Channels: a full channel accepted")
    channel.close()
    check(channel.tryReceive() == 1, "Channels: the element is not the one that was sent")
    check((try? channel.blockingReceive(until: soon)) == 2, "Channels: an element is missing")
    check(channel.isDrained, "Channels: something is left")
    useSelector(until: soon)
    useBroadcast(until: soon)
}

/// News that come, that were missed, and that end.
private func useBroadcast(until soon: MonotonicInstant) {
    let news = Shared(BroadcastChannel<Int>(capacity: 2))
    var cursor = news.value.subscribe()
    let start = cursor
    guard (try? news.value.blockingReceive(by: &cursor, until: soon)) == nil else {
        return check(false, "Channels: news were made up")
    }
    for number in 1...3 {
        check(news.value.blockingSend(number, until: soon) == nil, "Channels: news were refused")
    }
    guard case .lagged(missedCount: 1)? = try? news.value.blockingReceive(by: &cursor, until: soon)
    else { return check(false, "Channels: a lag was not told") }
    guard case .element(2)? = news.value.tryReceive(by: &cursor) else {
        return check(false, "Channels: news were lost")
    }
    var selector = Selector<Int>([
        .receive(from: news, by: start) { delivery in
            if case .element(let number) = delivery { number } else { 0 }
        }
    ])
    for number in [0, 2, 3] {
        check((try? selector.blockingNext(until: soon)) == number, "Channels: selected other news")
    }
    news.value.close()
    check((try? selector.blockingNext(until: soon)) == nil, "Channels: news behind the end")
}

/// Meets nobody, and selects from two sources.
private func useSelector(until soon: MonotonicInstant) {
    let meeting = Shared(RendezvousChannel<Int>())
    check(meeting.value.trySend(1)?.reason == .wouldWait, "Channels: a try met nobody")
    let queued = Shared(BoundedChannel<Int>(capacity: 2))
    _ = queued.value.trySend(4)
    var selector = Selector<Int>([
        .receive(from: meeting) { $0 }, .receive(from: queued) { $0 },
    ])
    check((try? selector.blockingNext(until: soon)) == 4, "Channels: nothing was selected")
    check((try? selector.blockingNext(until: soon)) == nil, "Channels: something was made up")
}

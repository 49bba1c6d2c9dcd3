// SPDX-License-Identifier: MIT

package import Channels

// The operations of channels that do not wait; their rooms are compared as a whole.

@_silgen_name("seam_channel_send")
package func send(
    _ element: consuming Int, to channel: borrowing BoundedChannel<Int>
) -> SendRefusal<Int>? {
    channel.trySend(element)
}

@_silgen_name("seam_channel_receive")
package func receive(from channel: borrowing BoundedChannel<Int>) -> Int? { channel.tryReceive() }

@_silgen_name("seam_rendezvous_send")
package func send(
    _ element: consuming Int, to channel: borrowing RendezvousChannel<Int>
) -> SendRefusal<Int>? {
    channel.trySend(element)
}

@_silgen_name("seam_rendezvous_receive")
package func receive(from channel: borrowing RendezvousChannel<Int>) -> Int? {
    channel.tryReceive()
}

@_silgen_name("seam_broadcast_send")
package func send(
    _ element: consuming Int, to channel: borrowing BroadcastChannel<Int>
) -> SendRefusal<Int>? {
    channel.trySend(element)
}

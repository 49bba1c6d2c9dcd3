// SPDX-License-Identifier: MIT

package import EventLoops

extension SocketAddress {
    /// The address of a connected socket's other side.
    package init(peerOf descriptor: Int32) throws(SystemError) {
        self = try Socket.peerAddress(of: descriptor)
    }
}

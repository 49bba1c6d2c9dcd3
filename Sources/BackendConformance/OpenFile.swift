// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// What a descriptor named at one time. Its number alone says little: as soon as it is closed,
/// another thread of the process may get it for something else.
struct OpenFile {
    private let descriptor: Int32
    private let inode: Int64

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        inode = millrace_descriptor_inode(descriptor)
    }

    /// Whether the number still names it.
    var isOpen: Bool { inode >= 0 && millrace_descriptor_inode(descriptor) == inode }
}

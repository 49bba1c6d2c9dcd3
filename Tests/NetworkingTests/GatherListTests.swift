// SPDX-License-Identifier: MIT

import AsyncRuntime
import EventLoops
import Networking
import Testing

@Suite("The pieces of a gather write")
struct GatherListTests {
    @Test("Pieces that touch are joined, empty ones left out")
    func joins() {
        // If this failed, messages copied one behind the other would be a piece each.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 16)
        defer { unsafe memory.deallocate() }  // SAFETY: allocated above.
        let list = GatherList(capacity: 3)
        // SAFETY: here and below, ranges of the memory.
        func append(_ range: Range<Int>) {
            unsafe list.append(UnsafeRawBufferPointer(rebasing: memory[range]))
        }
        append(0..<10)
        append(10..<30)
        append(30..<30)
        #expect(list.count == 1 && list.byteCount == 30)
        append(40..<50)
        append(10..<20)
        #expect(list.count == 3 && list.byteCount == 50 && list.isFull)
        append(20..<25)
        #expect(list.count == 3 && list.byteCount == 55)
        list.advance(by: 35)
        #expect(list.count == 2 && list.byteCount == 20)
        list.advance(by: 20)
        #expect(list.count == 0 && list.byteCount == 0 && !list.isFull)
        append(99..<100)
        #expect(list.count == 1 && list.byteCount == 1)
    }

    @Test("What is sent leaves the list, to the last byte of a piece")
    func advances() {
        // If this failed, a piece that was sent would stay, and a byte of it be sent once more.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 16)
        defer { unsafe memory.deallocate() }  // SAFETY: allocated above.
        let list = GatherList(capacity: 4)
        // SAFETY: here and below, ranges of the memory.
        func append(_ range: Range<Int>) {
            unsafe list.append(UnsafeRawBufferPointer(rebasing: memory[range]))
        }
        append(0..<1)
        append(10..<11)
        append(20..<20)  // Touches nothing.
        append(30..<40)
        #expect(list.count == 3 && list.byteCount == 12 && !list.isFull)
        list.advance(by: 1)
        #expect(list.count == 2 && list.byteCount == 11)
        list.advance(by: 1)
        #expect(list.count == 1 && list.byteCount == 10)
        append(50..<55)
        list.advance(by: 10)
        #expect(list.count == 1 && list.byteCount == 5)
        list.removeAll()
        #expect(list.count == 0 && list.byteCount == 0)
        append(0..<2)
        #expect(list.count == 1 && list.byteCount == 2)
    }

    @Test("A list of the most pieces is sent", arguments: backends)
    func most(_ choice: BackendChoice) throws {
        // If this failed, a list would take more pieces than the kernel, which refuses such a
        // message (EMSGSIZE), or fewer than it promises.
        #expect(GatherList.capacityMax == 1024)
        let arrived = try bothEnds(choice) { client, accepted in
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 16)
            defer { unsafe memory.deallocate() }  // SAFETY: allocated above.
            // SAFETY: here and below, inside the memory, which lives until the list is sent.
            for index in 0..<memory.count { unsafe memory[index] = UInt8(index / 2 % 251) }
            let list = GatherList(capacity: GatherList.capacityMax)
            // Every other byte, so that no two pieces join.
            for index in stride(from: 0, to: memory.count, by: 2) {
                // SAFETY: as above.
                unsafe list.append(UnsafeRawBufferPointer(rebasing: memory[index...index]))
            }
            #expect(list.count == 1024 && list.isFull)
            while list.byteCount > 0 {  // Ends: every turn sends something, or throws.
                _ = unsafe try await client.writeSome(list, until: inTime)  // SAFETY: as above.
            }
            return try await read(1024, from: accepted)
        }
        #expect(arrived == (0..<1024).map { UInt8($0 % 251) })
    }

    @Test("What the kernel takes in parts arrives whole", arguments: backends)
    func parts(_ choice: BackendChoice) throws {
        // If this failed, a partial write would repeat or drop bytes.
        let pieceCount = 300
        let pieceByteCount = 20_000
        let turns = try pair(choice, on: loopback) { server in
            let bytes = try await readAll(server, atMost: 100_000)
            #expect(bytes.count == pieceCount * pieceByteCount)
            let wrong = bytes.indices.first { index in
                let piece = pieceCount - 1 - index / pieceByteCount
                let offset = piece * pieceByteCount + index % pieceByteCount
                return bytes[index] != UInt8(offset % 251)
            }
            #expect(wrong == nil)
        } client: { client in
            let memory = UnsafeMutableRawBufferPointer.allocate(
                byteCount: pieceCount * pieceByteCount, alignment: 16)
            defer { unsafe memory.deallocate() }  // SAFETY: allocated above.
            // SAFETY: here and below, inside the memory, which lives until the list is sent.
            for index in 0..<memory.count { unsafe memory[index] = UInt8(index % 251) }
            let list = GatherList(capacity: pieceCount)
            // Backwards, so that no two pieces join.
            for piece in (0..<pieceCount).reversed() {
                let start = piece * pieceByteCount
                // SAFETY: as above.
                unsafe list.append(
                    UnsafeRawBufferPointer(rebasing: memory[start..<start + pieceByteCount]))
            }
            #expect(list.count == pieceCount)
            var turns = 0
            while list.byteCount > 0 {  // Ends: every turn sends something.
                _ = unsafe try await client.writeSome(list)  // SAFETY: as above.
                turns += 1
            }
            try await client.finishWriting()
            return turns
        }
        #expect(choice == .ioUring || turns > 1)  // io_uring goes on by itself.
    }

    @Test("A piece of which one byte was sent begins with the next", arguments: backends)
    func oneByte(_ choice: BackendChoice) throws {
        // If this failed, a write that ends one byte into a piece would send that byte twice.
        let arrived = try bothEnds(choice) { client, accepted in
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 20, alignment: 16)
            defer { unsafe memory.deallocate() }  // SAFETY: allocated above.
            // SAFETY: here and below, inside the memory, which lives until the list is sent.
            for index in 0..<memory.count { unsafe memory[index] = UInt8(index) }
            let list = GatherList(capacity: 2)
            // SAFETY: as above.
            unsafe list.append(UnsafeRawBufferPointer(rebasing: memory[0..<4]))
            // SAFETY: as above.
            unsafe list.append(UnsafeRawBufferPointer(rebasing: memory[9..<12]))
            list.advance(by: 1)
            #expect(list.count == 2 && list.byteCount == 6)
            while list.byteCount > 0 {  // Ends: every turn sends something, or throws.
                _ = unsafe try await client.writeSome(list, until: inTime)  // SAFETY: as above.
            }
            return try await read(6, from: accepted)
        }
        #expect(arrived == [1, 2, 3, 9, 10, 11])
    }
}

// SPDX-License-Identifier: MIT

internal import CLinuxShims

// The table that the shims call: each entry finds its world and its socket, and hands over.
//
// SAFETY of all entries: the context is the world's own, and the world lives as long as its table;
// what else is named is lent by the caller of the shim until it returns.
extension SimulatedWorld {
    private typealias Context = UnsafeMutableRawPointer?

    @unsafe
    func fillTable(_ table: inout millrace_world, _ context: UnsafeMutableRawPointer) {
        unsafe table.context = unsafe context  // SAFETY: stored.
        unsafe table.first_descriptor = Self.firstDescriptor
        if clock == .virtual { unsafe fillClocks(&table) }
        unsafe fillSurroundings(&table)
        unsafe fillOpening(&table)  // SAFETY: as above.
        unsafe fillConnecting(&table)  // SAFETY: as above.
        unsafe fillSending(&table)  // SAFETY: as above.
        unsafe fillAsking(&table)  // SAFETY: as above.
    }

    private static func world(_ context: UnsafeMutableRawPointer?) -> SimulatedWorld {
        // SAFETY: as above.
        guard let context = unsafe context else { preconditionFailure("a table without a world") }
        // SAFETY: the world's own table; it lives as long as it.
        return unsafe Unmanaged<SimulatedWorld>.fromOpaque(context).takeUnretainedValue()
    }

    /// Finds the socket and calls `body`; EBADF if there is none.
    private static func with(
        _ context: UnsafeMutableRawPointer?, _ descriptor: Int32,
        _ body: (SimulatedWorld, SimulatedSocket) -> Int64
    ) -> Int64 {
        let world = unsafe world(context)  // SAFETY: passed on.
        return world.locked {
            guard let socket = world.socket(descriptor) else { return -Int64(MILLRACE_EBADF) }
            return body(world, socket)
        }
    }

    private func fillClocks(_ table: inout millrace_world) {
        unsafe table.monotonic_nanoseconds = { context in  // SAFETY: as above.
            unsafe SimulatedWorld.world(context).currentTime  // SAFETY: as above.
        }
        unsafe table.realtime_nanoseconds = { context in  // SAFETY: as above.
            let world = unsafe SimulatedWorld.world(context)  // SAFETY: as above.
            let passed = Int64(world.currentTime - SimulatedWorld.timeOrigin)
            return SimulatedWorld.dateOrigin * 1_000_000_000 + passed
        }
    }

    private func fillSurroundings(_ table: inout millrace_world) {
        unsafe table.fill_random = { context, bytes, count in  // SAFETY: as above.
            // SAFETY: the caller lends so many bytes.
            unsafe SimulatedWorld.world(context).fillRandom(
                UnsafeMutableRawBufferPointer(start: bytes, count: count))
        }
        unsafe table.run_blocking = { context, body, argument in  // SAFETY: as above.
            let world = unsafe SimulatedWorld.world(context)  // SAFETY: as above.
            guard let body = unsafe body else { return }  // SAFETY: as above.
            let work = unsafe WorldEvent.blocking(body: body, argument)  // SAFETY: as above.
            world.locked {
                world.schedule(work, at: world.currentTime + world.latency() * 10)
            }
        }
        unsafe table.resolve = { context, host, port, addresses, capacity in  // SAFETY: as above.
            let world = unsafe SimulatedWorld.world(context)  // SAFETY: as above.
            // SAFETY: as above.
            guard let host = unsafe host, let port = unsafe port else { return -1002 }
            let name = unsafe String(cString: host)  // SAFETY: as above.
            let number = UInt16(unsafe String(cString: port)) ?? 0  // SAFETY: as above.
            // SAFETY: as above.
            let found = unsafe UnsafeMutableBufferPointer(start: addresses, count: Int(capacity))
            // SAFETY: as above.
            return world.locked { unsafe world.resolve(name, port: number, found) }
        }
    }

    private func fillOpening(_ table: inout millrace_world) {
        unsafe table.socket_open = { context, family, type in  // SAFETY: as above.
            let world = unsafe SimulatedWorld.world(context)  // SAFETY: as above.
            return world.locked { world.open(family: family, type: type) }
        }
        unsafe table.open_pair = { context, type, ends in  // SAFETY: as above.
            let world = unsafe SimulatedWorld.world(context)  // SAFETY: as above.
            let (near, far) = world.locked { world.openPair(type: type) }
            guard near >= 0 && far >= 0 else { return min(near, far) }
            unsafe ends?[0] = near  // SAFETY: as above.
            unsafe ends?[1] = far  // SAFETY: as above.
            return 0
        }
        unsafe table.signals_open = { context, mask in  // SAFETY: as above.
            let world = unsafe SimulatedWorld.world(context)  // SAFETY: as above.
            return world.locked { world.openSignals(mask: mask) }
        }
        unsafe table.signals_read = { context, descriptor in  // SAFETY: as above.
            Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    Int64(world.readSignal(socket))
                })
        }
        unsafe table.close = { context, descriptor in  // SAFETY: as above.
            let world = unsafe SimulatedWorld.world(context)  // SAFETY: as above.
            return world.locked { world.close(descriptor) }
        }
        unsafe table.move = { context, descriptor, number in  // SAFETY: as above.
            Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    let place =
                        number
                        - (number < SimulatedWorld.firstDescriptor
                            ? 0 : SimulatedWorld.firstDescriptor)
                    return Int64(world.move(socket, to: Int(place)))
                })
        }
    }

    private func fillConnecting(_ table: inout millrace_world) {
        unsafe table.bind = { context, descriptor, address in  // SAFETY: as above.
            // SAFETY: as above.
            guard let address = unsafe address?.pointee else { return -Int32(MILLRACE_EINVAL) }
            return Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    Int64(world.bind(socket, to: SimulatedAddress(address)))
                })
        }
        unsafe table.listen = { context, descriptor, backlog in  // SAFETY: as above.
            Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    Int64(world.listen(socket, backlog: Int(backlog)))
                })
        }
        unsafe table.accept = { context, descriptor in  // SAFETY: as above.
            Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    Int64(world.accept(socket))
                })
        }
        unsafe table.connect = { context, descriptor, address in  // SAFETY: as above.
            // SAFETY: as above.
            guard let address = unsafe address?.pointee else { return -Int32(MILLRACE_EINVAL) }
            return Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    Int64(world.connect(socket, to: SimulatedAddress(address)))
                })
        }
        unsafe table.shutdown = { context, descriptor, how in  // SAFETY: as above.
            Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    Int64(world.shutdown(socket, how: how))
                })
        }
    }

    private func fillSending(_ table: inout millrace_world) {
        unsafe table.send = { context, descriptor, message in  // SAFETY: as above.
            // SAFETY: as above.
            guard let message = unsafe message?.pointee else { return -Int64(MILLRACE_EINVAL) }
            // SAFETY: as above.
            return unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                unsafe world.send(socket, MemoryPiece.all(of: message))  // SAFETY: as above.
            }
        }
        unsafe table.receive = { context, descriptor, bytes, count in  // SAFETY: as above.
            // SAFETY: as above.
            let memory = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: count)
            // SAFETY: as above.
            return unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                unsafe world.receive(socket, into: memory)  // SAFETY: as above.
            }
        }
        unsafe table.send_file = { context, descriptor, file, offset, count in  // SAFETY: as above.
            // As much as the kernel would take of it at once.
            var piece = [UInt8](repeating: 0, count: min(count, 65_536))
            // SAFETY: as above.
            let read = unsafe millrace_file_read(file, &piece, piece.count, offset)
            guard read > 0 else { return read }
            // SAFETY: as above.
            return unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                unsafe piece[..<Int(read)].withUnsafeBytes {  // SAFETY: as above.
                    unsafe world.send(socket, [MemoryPiece($0)])  // SAFETY: as above.
                }
            }
        }
        // SAFETY: as above.
        unsafe table.send_datagrams = { context, descriptor, datagrams, count in
            // SAFETY: as above.
            let all = unsafe UnsafeMutableBufferPointer(start: datagrams, count: Int(count))
            return Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    guard socket.kind == .datagrams else { return -Int64(MILLRACE_EOPNOTSUPP) }
                    return Int64(unsafe world.sendDatagrams(socket, all))  // SAFETY: as above.
                })
        }
        // SAFETY: as above.
        unsafe table.receive_datagrams = { context, descriptor, datagrams, count in
            // SAFETY: as above.
            let all = unsafe UnsafeMutableBufferPointer(start: datagrams, count: Int(count))
            return Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    guard socket.kind == .datagrams else { return -Int64(MILLRACE_EOPNOTSUPP) }
                    return Int64(unsafe world.receiveDatagrams(socket, all))  // SAFETY: as above.
                })
        }
    }

    private func fillAsking(_ table: inout millrace_world) {
        unsafe table.address = { context, descriptor, isPeer, address in  // SAFETY: as above.
            Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    switch world.address(of: socket, isPeer: isPeer) {
                    case .success(let found):
                        unsafe address?.pointee = found.storage  // SAFETY: as above.
                        return 0
                    case .failure(let code): return Int64(code.code)
                    }
                })
        }
        unsafe table.set_option = { context, descriptor, option, value in  // SAFETY: as above.
            Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    Int64(world.setOption(socket, option, value))
                })
        }
        unsafe table.ask = { context, descriptor, question in  // SAFETY: as above.
            let world = unsafe SimulatedWorld.world(context)  // SAFETY: as above.
            return world.locked { world.ask(descriptor, question) }
        }
        unsafe table.tcp_info = { context, descriptor, info in  // SAFETY: as above.
            Int32(
                // SAFETY: as above.
                unsafe SimulatedWorld.with(context, descriptor) { world, socket in
                    unsafe info?.pointee = world.information(of: socket)  // SAFETY: as above.
                    return 0
                })
        }
        unsafe table.poll = { context, descriptor, events, milliseconds in  // SAFETY: as above.
            // SAFETY: as above.
            unsafe SimulatedWorld.world(context).poll(descriptor, events, milliseconds)
        }
    }
}

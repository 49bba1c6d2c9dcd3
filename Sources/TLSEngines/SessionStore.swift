// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// The sessions that one acceptor's clients may go on with (RFC 5246, appendix F.1.4).
    ///
    /// | Guarantee | `save`, `load`                                                             |
    /// |-----------|----------------------------------------------------------------------------|
    /// | Cost      | O(1): four places are looked at                                            |
    /// | Memory    | 160 bytes for each place, from the start; the oldest of four makes way      |
    /// | Threads   | its loop's                                                                 |
    ///
    /// An acceptor owns its store and nobody else sees it: a session that was made without a
    /// client's certificate cannot be resumed where one is required. What a session remembers
    /// besides its keys is the server's name, which must be the same (RFC 6066, section 3), and
    /// what the client's certificate was worth.
    @safe
    final class SessionStore {
        struct Entry {
            var parameters = br_ssl_session_parameters()
            var nameHash: UInt64 = 0
            var verdict = PeerVerdict.notAsked
            var fingerprint = CertificateFingerprint()
            var hasFingerprint = false
            /// When it must not be used any more, in seconds; 0: the place is free.
            var end: Int64 = 0
        }

        private static let ways = 4
        private var entries: [Entry]
        private let mask: Int

        init(count: Int) {
            var sets = 1
            while sets * SessionStore.ways < count { sets *= 2 }
            mask = sets - 1
            let total = count == 0 ? 0 : sets * SessionStore.ways
            entries = Array(repeating: Entry(), count: total)
        }

        deinit { removeAll() }

        func save(_ entry: Entry) {
            if entries.isEmpty { return }
            let first = firstPlace(of: entry.parameters)
            var place = first
            for candidate in first..<first + SessionStore.ways
            where entries[candidate].end < entries[place].end {
                place = candidate
            }
            entries[place] = entry
        }

        /// The session of that number and name, if its time has not passed.
        func load(
            _ wanted: br_ssl_session_parameters, nameHash: UInt64, now: Int64
        ) -> Entry? {
            if entries.isEmpty { return nil }
            let first = firstPlace(of: wanted)
            for place in first..<first + SessionStore.ways {
                guard entries[place].end > now, entries[place].nameHash == nameHash,
                    SessionStore.isSame(entries[place].parameters, wanted)
                else { continue }
                return entries[place]
            }
            return nil
        }

        /// Forgets all, and writes over the keys.
        func removeAll() {
            // SAFETY: plain numbers, no pointer.
            unsafe entries.withUnsafeMutableBytes {
                if let base = $0.baseAddress { unsafe TLSMemory.erase(base, $0.count) }
            }
        }

        /// Numbers are random: any of their bytes spread them.
        private func firstPlace(of parameters: br_ssl_session_parameters) -> Int {
            let id = parameters.session_id
            let word = Int(id.0) | Int(id.1) << 8 | Int(id.2) << 16
            return (word & mask) * SessionStore.ways
        }

        private static func isSame(
            _ left: br_ssl_session_parameters, _ right: br_ssl_session_parameters
        ) -> Bool {
            // SAFETY: plain numbers, no pointer.
            unsafe withUnsafeBytes(of: left.session_id) { left in
                unsafe withUnsafeBytes(of: right.session_id) { unsafe left.elementsEqual($0) }
            }
        }

        /// FNV-1a over small letters: tells names apart, no more.
        static func hash(_ name: borrowing Span<UInt8>) -> UInt64 {
            var result: UInt64 = 0xcbf2_9ce4_8422_2325
            for index in 0..<name.count {
                result ^= UInt64(ServerName.lowercased(name[index]))
                result &*= 0x0000_0100_0000_01b3
            }
            return result
        }
    }

    /// The sessions that one connector's servers have offered, by the server's name.
    @safe
    final class ConnectorSessions {
        private struct Entry {
            var name: [UInt8]
            var parameters: br_ssl_session_parameters
            var verdict: PeerVerdict
            var fingerprint: CertificateFingerprint
        }

        private var entries: [Entry] = []
        /// The place that makes way next.
        private var next = 0

        deinit {
            // SAFETY: plain numbers, no pointer.
            unsafe entries.withUnsafeMutableBufferPointer {
                // SAFETY: only the keys are written over.
                for index in $0.indices { unsafe $0[index].parameters = .init() }
            }
        }

        func save(
            _ name: [UInt8], _ parameters: br_ssl_session_parameters,
            _ fingerprint: CertificateFingerprint
        ) {
            let entry = Entry(
                name: name, parameters: parameters, verdict: .trusted, fingerprint: fingerprint)
            if let index = entries.firstIndex(where: { $0.name == name }) {
                entries[index] = entry
            } else if entries.count < TLSLimits.connectorSessionCountMax {
                entries.append(entry)
            } else {
                entries[next] = entry
                next = (next + 1) % TLSLimits.connectorSessionCountMax
            }
        }

        func load(
            _ name: [UInt8]
        ) -> (parameters: br_ssl_session_parameters, fingerprint: CertificateFingerprint)? {
            guard let entry = entries.first(where: { $0.name == name }) else {
                return nil
            }
            return (entry.parameters, entry.fingerprint)
        }
    }

#endif

// SPDX-License-Identifier: MIT

import EventLoops
import Glibc
import Testing

@testable import ConnectionPools

@Suite("The reasons behind error numbers")
struct ConnectionErrorTests {
    @Test("Each error number has its reason, and keeps its number")
    func reasons() {
        // If this failed, a log would send whoever reads it to the wrong end of the wire.
        let reasons: [(SystemError.Operation, Int32, FailureReason)] = [
            (.connect, ECONNREFUSED, .refused), (.connect, ENOENT, .refused),
            (.connect, ENETUNREACH, .unreachable), (.send, EHOSTUNREACH, .unreachable),
            (.connect, ETIMEDOUT, .connectTimeout), (.send, ETIMEDOUT, .writeTimeout),
            (.receive, ETIMEDOUT, .writeTimeout), (.receive, ECONNRESET, .reset),
            (.send, EPIPE, .reset), (.accept, ECONNABORTED, .reset),
            (.openSocket, EMFILE, .noResources), (.openSocket, ENFILE, .noResources),
            (.send, ENOBUFS, .noResources), (.send, ENOMEM, .noResources),
            (.connect, EADDRNOTAVAIL, .noResources), (.receive, ECANCELED, .cancelled),
            (.handshake, EPROTO, .security), (.send, EINVAL, .systemError),
        ]
        for (operation, code, reason) in reasons {
            let error = ConnectionError(during: SystemError(operation, code: code))
            #expect(error.reason == reason, "\(operation), \(code)")
            #expect(error.systemErrorNumber == code)
        }
    }
}

// SPDX-License-Identifier: MIT

import Testing

@testable import ConnectionPools

@Suite("Pool configuration")
struct PoolConfigurationTests {
    @Test("Each limit that cannot hold is refused by name")
    func limitsAreChecked() {
        // If this failed, a wrong limit would show as a hang or a trap much later.
        let cases: [(PoolConfigurationError, (inout PoolConfiguration) -> Void)] = [
            (.maxConnections, { $0.maxConnections = 0 }),
            (.maxConnections, { $0.maxConnections = 1025 }),
            (.queueCapacity, { $0.queueCapacity = 1 }),
            (.windowCapacity, { $0.windowCapacity = 0 }),
            (.backlogPerConnection, { $0.backlogPerConnection = 0 }),
            (.maxReconnectAttempts, { $0.maxReconnectAttempts = -1 }),
            (.backoffInitial, { $0.backoffInitialNanoseconds = 0 }),
            (.backoffCap, { $0.backoffCapNanoseconds = 1 }),
            (.backoffMultiplier, { $0.backoffMultiplier = 0 }),
            (.jitterPercent, { $0.jitterPercent = 51 }),
            (.jitterPercent, { $0.jitterPercent = .max }),
            (.connectTimeout, { $0.connectTimeoutNanoseconds = 0 }),
            (.writeTimeout, { $0.writeTimeoutNanoseconds = 0 }),
            (.answerTimeout, { $0.answerTimeoutNanoseconds = 0 }),
            (.idleTimeout, { $0.idleTimeoutNanoseconds = 0 }),
            (.closeTimeout, { $0.closeTimeoutNanoseconds = 0 }),
            (.breakerThreshold, { $0.breakerThreshold = 0 }),
            (.breakerReset, { $0.breakerResetNanoseconds = 0 }),
        ]
        for (expected, change) in cases {
            var configuration = PoolConfiguration()
            change(&configuration)
            #expect(throws: expected) { try configuration.validate() }
        }
    }

    @Test("Each limit of a client that cannot hold is refused by name")
    func clientLimitsAreChecked() throws {
        // If this failed, a queue that may hold no byte would make every sender wait for ever, and
        // a client without memory would call short messages too long.
        typealias Change = (inout ClientConfiguration) -> Void
        let limit = ClientConfiguration.memoryLimit
        let refused: [(PoolConfigurationError, Change)] = [
            (.messageByteCount, { $0.messageByteCountMax = 0 }),
            (.memoryByteCount, { $0.memoryByteCountMax = 63 }),
            (.memoryByteCount, { $0.memoryByteCountMax = limit + 1 }),
            (.queueByteCount, { $0.queueByteCountMax = 0 }),
            (.queueByteCount, { $0.queueByteCountMax = .min }),
            (.writeBufferByteCount, { $0.writeBufferByteCount = limit + 1 }),
            (.windowCapacity, { $0.pool.windowCapacity = 0 }),
        ]
        for (expected, change) in refused {
            var configuration = ClientConfiguration()
            change(&configuration)
            #expect(throws: expected) { try configuration.validate() }
        }
        let taken: [Change] = [
            { _ in }, { $0.messageByteCountMax = 1 }, { $0.messageByteCountMax = .max },
            { $0.memoryByteCountMax = 64 }, { $0.memoryByteCountMax = limit },
            { $0.queueByteCountMax = 1 }, { $0.queueByteCountMax = .max },
            { $0.writeBufferByteCount = 0 }, { $0.writeBufferByteCount = limit },
        ]
        for change in taken {
            var configuration = ClientConfiguration()
            change(&configuration)
            try configuration.validate()
        }
    }

    @Test("Pauses are capped and do not overflow; words are letters and dashes, all different")
    func pausesAndWords() throws {
        // If this failed, a long outage would wrap a pause to zero, or scripts misread a reason.
        var configuration = PoolConfiguration()
        configuration.backoffCapNanoseconds = .max
        configuration.backoffMultiplier = 1000
        configuration.jitterPercent = 99
        var pauses = ReconnectPauses(configuration: configuration, seed: 1)
        #expect(pauses.longest(afterFailures: 1000) == .max)
        for failures in 1..<100 {
            let pause = pauses.draw(afterFailures: failures)
            #expect(pause >= pauses.shortest(afterFailures: failures))
            #expect(pause <= pauses.longest(afterFailures: failures))
        }
        configuration.backoffInitialNanoseconds = 1 << 62
        configuration.backoffMultiplier = 1024
        pauses = ReconnectPauses(configuration: configuration, seed: 1)
        #expect(pauses.longest(afterFailures: 3) == .max)
        let words = FailureReason.allCases.map(\.word)
        #expect(Set(words).count == words.count)
        #expect(words.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "-" } })
    }

    @Test("Each mode of delivery has a word of its own")
    func words() {
        // If this failed, a log would say of one mode what is true of another.
        #expect(DeliveryMode.allCases.map(\.word) == ["written", "acknowledged", "confirmed"])
    }
}

// SPDX-License-Identifier: MIT

package import BenchSupport

/// What an operation on an elliptic curve costs, next to OpenSSL and BearSSL.
///
/// Each operation is done on the last one's result, so all contenders must end with the same bytes.
package struct CurvesBench: Bench {
    package let name = "curves"
    package let summary = "X25519 and P-256: CPU time, next to OpenSSL and BearSSL"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        [
            ("x25519-key", "a public key on X25519"),
            ("x25519-agree", "an agreement on X25519"),
            ("p256-key", "a public key on P-256"),
            ("p256-agree", "a product of a point of P-256"),
            ("p256-sum", "a sum of two products on P-256, as in the check of a signature"),
        ].map { (operation, title) in
            let rounds = options.isTiny ? 5 : 500
            var scenario = Scenario(
                name: "curves/\(operation)", title: title, unit: "CPU ns/operation",
                entrants: entrants(operation, rounds: rounds, on: processors))
            scenario.hasWarmUp = !options.isTiny
            return scenario
        }
    }

    private func entrants(
        _ operation: String, rounds: Int, on processors: Processors
    ) -> [Entrant] {
        [
            Contender("OpenSSL", "curves_openssl_c", isPeer: true),
            Contender("BearSSL", "curves_bearssl_c", isPeer: true),
            Contender("EllipticCurves", "curves_millrace", isPeer: false),
        ].map { contender in
            var entrant = Entrant(contender.name) {
                let result = try run(contender, operation, rounds: rounds, on: processors)
                // BearSSL's, of as many rounds, is the reference of what is right.
                let reference = try run(
                    Contender("BearSSL", "curves_bearssl_c", isPeer: true), operation,
                    rounds: rounds, on: processors)
                guard try result.number("checksum") == reference.number("checksum") else {
                    throw BenchError("\(contender.name) computes something else")
                }
                return Measurement(Double(try result.number("nanoseconds")) / Double(rounds))
            }
            entrant.isPeer = contender.isPeer
            return entrant
        }
    }

    private func run(
        _ contender: Contender, _ operation: String, rounds: Int, on processors: Processors
    ) throws -> KeyValues {
        let child = try ChildProcess(
            contender.path(), ["--operation", operation, "--rounds", "\(rounds)"],
            cpu: processors.contender)
        guard let line = try child.readLine(withinSeconds: 120),
            let result = KeyValues(line, word: "result"),
            try child.wait(withinSeconds: 10) == 0
        else { throw BenchError("\(contender.name) gave no result") }
        return result
    }
}

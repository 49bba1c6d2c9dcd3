// SPDX-License-Identifier: MIT

import Testing

@testable import HTTPServing

@Suite("Conditional requests")
struct ConditionTests {
    private let strong = Validators(entityTag: EntityTag("v1"), lastModifiedSeconds: 1000)
    private let weak = Validators(
        entityTag: EntityTag("v1", isWeak: true), lastModifiedSeconds: 1000)

    private func outcome(
        _ validators: Validators, exists: Bool = true, get: Bool = true, match: [String] = [],
        noneMatch: [String] = [], modified: [Int64?] = [], unmodified: [Int64?] = []
    ) -> PreconditionOutcome {
        var conditions = Preconditions(validators, exists: exists)
        for value in match { conditions.ifMatch(bytes(value).span) }
        for value in noneMatch { conditions.ifNoneMatch(bytes(value).span) }
        for value in modified { conditions.ifModifiedSince(value) }
        for value in unmodified { conditions.ifUnmodifiedSince(value) }
        return conditions.outcome(isGetOrHead: get)
    }

    @Test("If-None-Match compares weakly")
    func noneMatch() {
        // If this failed, clients would get again what they have, or keep what is stale.
        for value in ["\"v1\"", "W/\"v1\"", "\"x\", W/\"v1\"", ",\"v1\",", " * ", "\"a,b\",\"v1\""]
        {
            #expect(outcome(strong, noneMatch: [value]) == .notModified, "\(value)")
            #expect(outcome(weak, noneMatch: [value]) == .notModified, "\(value)")
            #expect(outcome(strong, get: false, noneMatch: [value]) == .failed)
        }
        for value in ["\"v2\"", "\"v1", "v1", "w/\"v1\"", "", "\"v\"1\"", "\"v1\" x", "*, \"x\""] {
            #expect(outcome(strong, noneMatch: [value]) == .proceed, "\(value)")
        }
        #expect(outcome(strong, get: false, noneMatch: ["\"v2\""]) == .proceed)
        #expect(outcome(strong, get: false, noneMatch: ["garbage"]) == .failed)
        #expect(outcome(strong, noneMatch: ["\"a\"", "\"v1\""]) == .notModified)
        for fields in [["*", "\"x\""], ["\"x\"", "*"], ["*", "*"]] {
            #expect(outcome(strong, noneMatch: fields) == .proceed, "'*' is not one of a list")
        }
        #expect(outcome(Validators(), exists: false, get: false, noneMatch: ["*"]) == .proceed)
        #expect(outcome(Validators(), noneMatch: ["*"]) == .notModified)
    }

    @Test("If-Match compares strongly")
    func match() {
        // If this failed, one writer would overwrite another's change.
        #expect(outcome(strong, get: false, match: ["\"v0\", \"v1\""]) == .proceed)
        #expect(outcome(strong, get: false, match: ["*"]) == .proceed)
        #expect(outcome(strong, get: false, match: ["W/\"v1\""]) == .failed)
        #expect(outcome(weak, get: false, match: ["\"v1\""]) == .failed)
        #expect(outcome(weak, get: false, match: ["W/\"v1\""]) == .failed)
        #expect(outcome(strong, get: false, match: ["\"v2\""]) == .failed)
        #expect(outcome(strong, get: false, match: ["garbage"]) == .failed)
        #expect(outcome(Validators(), exists: false, get: false, match: ["*"]) == .failed)
        #expect(outcome(strong, exists: false, get: false, match: ["\"v1\""]) == .failed)
    }

    @Test("Dates, and which condition counts")
    func precedence() {
        // If this failed, the order of RFC 9110, 13.2.2 would not be kept.
        #expect(outcome(strong, modified: [1000]) == .notModified)
        #expect(outcome(strong, modified: [999]) == .proceed)
        #expect(outcome(strong, modified: [nil]) == .proceed)
        #expect(outcome(strong, modified: [1000, 1000]) == .proceed)
        #expect(outcome(strong, get: false, modified: [1000]) == .proceed)
        #expect(outcome(Validators(), modified: [1000]) == .proceed)
        #expect(outcome(strong, unmodified: [999]) == .failed)
        #expect(outcome(strong, unmodified: [1000]) == .proceed)
        #expect(outcome(strong, unmodified: [nil]) == .proceed)
        // If-Match goes before If-Unmodified-Since, If-None-Match before If-Modified-Since.
        #expect(outcome(strong, match: ["\"v1\""], unmodified: [1]) == .proceed)
        #expect(outcome(strong, match: ["\"v2\""], unmodified: [2000]) == .failed)
        #expect(outcome(strong, noneMatch: ["\"v2\""], modified: [2000]) == .proceed)
        #expect(outcome(strong, noneMatch: ["\"v1\""], modified: [1]) == .notModified)
        // A failed If-Match goes before If-None-Match.
        #expect(outcome(strong, match: ["\"v2\""], noneMatch: ["\"v1\""]) == .failed)
        #expect(outcome(strong, match: ["\"v1\""], noneMatch: ["\"v1\""]) == .notModified)
    }

    @Test("If-Range")
    func ifRange() {
        // If this failed, a download would be continued with bytes of another version.
        func holds(
            _ value: String, date: Int64? = nil, _ validators: Validators, now: Int64 = 5000
        ) -> Bool {
            let value = bytes(value)
            return Preconditions.ifRangeHolds(
                value.span, dateSeconds: date, validators, nowSeconds: now)
        }
        #expect(holds("\"v1\"", strong))
        #expect(!holds("W/\"v1\"", strong))
        #expect(!holds("\"v1\"", weak))
        #expect(!holds("*", strong))
        #expect(!holds("\"v1\", \"v1\"", strong))
        #expect(!holds("nonsense", strong))
        #expect(holds("", date: 1000, strong))
        #expect(!holds("", date: 1001, strong))
        #expect(!holds("", date: 999, strong))
        #expect(!holds("", date: 1000, strong, now: 1000))
    }

    @Test("Tags of the allowed form only")
    func tags() {
        // If this failed, a tag could break the header it stands in.
        for opaque in ["a\"b", "a b", "a\n", "\u{7F}", String(repeating: "a", count: 65)] {
            #expect(EntityTag(opaque) == nil)
        }
        #expect(EntityTag("")?.text == "\"\"")
        #expect(EntityTag(String(repeating: "a", count: 64)) != nil)
        #expect(EntityTag("x", isWeak: true)?.text == "W/\"x\"")
        #expect(EntityTag("x", isWeak: true) != EntityTag("x"))
        #expect(EntityTag("x") == EntityTag("x"))
        #expect(EntityTag("x") != EntityTag("y"))
    }
}

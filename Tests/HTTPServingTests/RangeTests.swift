// SPDX-License-Identifier: MIT

import Testing

@testable import HTTPServing

@Suite("Ranges")
struct RangeTests {
    /// "0+100 200+5", "whole" or "416".
    private func ranges(_ field: String, _ byteCount: UInt64 = 1000) -> String {
        let field = bytes(field)
        switch RangeRequest.parse(field.span, completeByteCount: byteCount) {
        case .whole: return "whole"
        case .unsatisfiable: return "416"
        case .ranges(let ranges):
            return (0..<ranges.count).map { "\(ranges[$0].offset)+\(ranges[$0].byteCount)" }
                .joined(separator: " ")
        }
    }

    @Test("One range in its three forms")
    func single() {
        // If this failed, a download would go on at the wrong byte.
        #expect(ranges("bytes=0-99") == "0+100")
        #expect(ranges("bytes=999-999") == "999+1")
        #expect(ranges("bytes=500-") == "500+500")
        #expect(ranges("bytes=-1") == "999+1")
        #expect(ranges("bytes=-5000") == "0+1000")
        #expect(ranges("bytes=900-5000") == "900+100")
        #expect(ranges("BYTES= 0-0") == "0+1")
        #expect(ranges("bytes=0-99999999999999999999999") == "0+1000")
        #expect(ranges("bytes=0-0", .max) == "0+1")
        #expect(ranges("bytes=18446744073709551614-", .max) == "18446744073709551614+1")
    }

    @Test("Unsatisfiable, and what is no range at all")
    func refused() {
        // If this failed, nonsense would be an error, or a range beyond the end an empty answer.
        #expect(ranges("bytes=1000-") == "416")
        #expect(ranges("bytes=-0") == "416")
        #expect(ranges("bytes=1000-1001,2000-") == "416")
        #expect(ranges("bytes=99999999999999999999999-") == "416")
        #expect(ranges("bytes=0-", 0) == "416")
        #expect(ranges("bytes=-5", 0) == "whole")
        for field in [
            "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1", "items=0-1",
            "bytes=0-1x", "bytes=--1", "bytes=0-1,5-4", "bytes =0-1", "bytes=+1-2", "bytes=,",
        ] {
            #expect(ranges(field) == "whole", "\(field)")
        }
    }

    @Test("Several ranges: order kept, overlaps joined, abuse ignored")
    func several() {
        // If this failed, a small request could make an answer many times the file's size.
        #expect(ranges("bytes=0-9,500-509") == "0+10 500+10")
        #expect(ranges("bytes=500-509, ,0-9") == "500+10 0+10")
        #expect(ranges("bytes=0-9,5-20") == "0+21")
        #expect(ranges("bytes=500-509,0-9,505-529") == "0+10 500+30")
        #expect(ranges("bytes=0-9,10-19") == "0+10 10+10")
        #expect(ranges("bytes=0-9,9-19") == "0+20")
        #expect(ranges("bytes=0-,0-,0-,0-") == "0+1000")
        #expect(ranges("bytes=-10,2000-,0-0") == "990+10 0+1")
        #expect(ranges("bytes=-1,-2", .max) == "18446744073709551613+2")
        let sixteen = (0..<16).map { "\($0 * 1000)-\($0 * 1000)" }.joined(separator: ",")
        #expect(ranges("bytes=" + sixteen, 100_000).split(separator: " ").count == 16)
        #expect(ranges("bytes=" + sixteen + ",99999-", 100_000) == "whole")
        let outside = (0..<17).map { _ in "5000-" }.joined(separator: ",")
        #expect(ranges("bytes=" + outside) == "whole")
    }

    @Test("The fields and the frame of several ranges")
    func frame() {
        // If this failed, the announced length would not be the body's.
        var output: [UInt8] = []
        ContentRange(offset: 0, byteCount: 100).append(completeByteCount: 1000, to: &output)
        #expect(text(output) == "bytes 0-99/1000")
        output = []
        ContentRange.appendUnsatisfied(completeByteCount: 0, to: &output)
        #expect(text(output) == "bytes */0")
        let field = bytes("bytes=0-1,500-501")
        guard case .ranges(let ranges) = RangeRequest.parse(field.span, completeByteCount: 1000)
        else {
            Issue.record("no ranges")
            return
        }
        let body = ByteRangesBody(
            ranges, of: 1000, contentType: bytes("text/plain"), boundary: bytes("B0UNDARY"))
        output = []
        body.appendHead(of: 0, to: &output)
        output += bytes("ab")
        body.appendHead(of: 1, to: &output)
        output += bytes("cd")
        body.appendEnd(to: &output)
        #expect(
            text(output)
                == "\r\n--B0UNDARY\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/1000\r\n"
                + "\r\nab\r\n--B0UNDARY\r\nContent-Type: text/plain\r\n"
                + "Content-Range: bytes 500-501/1000\r\n\r\ncd\r\n--B0UNDARY--\r\n")
        #expect(body.byteCount == UInt64(output.count))
        output = []
        body.appendContentType(to: &output)
        #expect(text(output) == "multipart/byteranges; boundary=\"B0UNDARY\"")
    }
}

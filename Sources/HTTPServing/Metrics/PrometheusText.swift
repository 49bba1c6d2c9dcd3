// SPDX-License-Identifier: MIT

/// Writes metrics in the text format of Prometheus, version 0.0.4.
///
/// Source: Prometheus documentation, "Exposition formats". Names that it does not allow are mended
/// and never refused: a letter, digit or "_" stays, anything else becomes "_".
public enum PrometheusText {
    /// The value of `Content-Type`.
    public static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    /// A name of a metric: letters, digits, "_" and ":", no digit first.
    public static func metricName(_ name: String) -> String { mended(name, allowsColon: true) }

    /// A name of a label: letters, digits and "_", no digit first.
    public static func labelName(_ name: String) -> String { mended(name, allowsColon: false) }

    private static func mended(_ name: String, allowsColon: Bool) -> String {
        var result: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, 0x5F: result.append(byte)
            case 0x30...0x39:
                if result.isEmpty { result.append(0x5F) }
                result.append(byte)
            case 0x3A where allowsColon: result.append(byte)
            default: result.append(0x5F)
            }
        }
        return result.isEmpty ? "_" : String(decoding: result, as: UTF8.self)
    }

    /// Appends `name="value"`, the value escaped, with a comma before it unless it is the first.
    static func appendLabel(_ name: String, _ value: String, to output: inout [UInt8]) {
        if !output.isEmpty { output.append(0x2C) }
        output += labelName(name).utf8
        output += [0x3D, 0x22]
        for byte in value.utf8 {
            switch byte {
            case 0x5C: output += [0x5C, 0x5C]
            case 0x22: output += [0x5C, 0x22]
            case 0x0A: output += [0x5C, 0x6E]
            default: output.append(byte)
            }
        }
        output.append(0x22)
    }

    /// Appends the two lines before a metric's series. `name` is a metric's name.
    static func appendHead(
        _ name: String, _ kind: MetricKind, help: String, to output: inout [UInt8]
    ) {
        if !help.isEmpty {
            output += "# HELP \(name) ".utf8
            for byte in help.utf8 {
                switch byte {
                case 0x5C: output += [0x5C, 0x5C]
                case 0x0A: output += [0x5C, 0x6E]
                default: output.append(byte)
                }
            }
            output.append(0x0A)
        }
        output += "# TYPE \(name) \(kind.word)\n".utf8
    }

    /// Appends the lines of a series. `labels` is what `appendLabel` made.
    static func append(
        _ series: MetricSeries, _ name: String, _ labels: [UInt8], to output: inout [UInt8]
    ) {
        switch series {
        case .counter(let counter):
            appendName(name, "", labels, to: &output)
            DecimalText.append(counter.value, to: &output)
            output.append(0x0A)
        case .sum(let gauge), .gauge(let gauge):
            appendName(name, "", labels, to: &output)
            append(gauge.value, to: &output)
            output.append(0x0A)
        case .histogram(let histogram):
            append(histogram, name, labels, to: &output)
        }
    }

    private static func append(
        _ histogram: MetricHistogram, _ name: String, _ labels: [UInt8],
        to output: inout [UInt8]
    ) {
        let (counts, sum) = histogram.snapshot()
        var total: UInt64 = 0
        for (index, count) in counts.enumerated() {
            total &+= count
            var limit = labels
            let isLast = index == histogram.bounds.count
            appendLabel(
                "le", isLast ? "+Inf" : text(histogram.bounds[index]), to: &limit)
            appendName(name, "_bucket", limit, to: &output)
            DecimalText.append(total, to: &output)
            output.append(0x0A)
        }
        appendName(name, "_sum", labels, to: &output)
        append(sum, to: &output)
        output.append(0x0A)
        appendName(name, "_count", labels, to: &output)
        DecimalText.append(total, to: &output)
        output.append(0x0A)
    }

    private static func appendName(
        _ name: String, _ suffix: String, _ labels: [UInt8], to output: inout [UInt8]
    ) {
        output += name.utf8
        output += suffix.utf8
        if !labels.isEmpty {
            output.append(0x7B)
            output += labels
            output.append(0x7D)
        }
        output.append(0x20)
    }

    private static func append(_ value: Double, to output: inout [UInt8]) {
        output += text(value).utf8
    }

    /// A number as Prometheus reads it: whole ones without a fraction.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
        return "\(value)"
    }
}

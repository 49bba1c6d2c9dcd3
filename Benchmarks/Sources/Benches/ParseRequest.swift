// SPDX-License-Identifier: MIT

/// A request whose head is parsed.
struct ParseRequest {
    let name: String
    let title: String
    let lines: [String]

    /// All of it, with its line ends.
    var text: String { lines.map { "\($0)\r\n" }.joined() + "\r\n" }

    var fieldCount: Int { lines.count - 1 }

    /// What a browser sends, and what a load generator does.
    static let all = [browser, small]

    private static let browser = ParseRequest(
        name: "browser", title: "a browser's request",
        lines: [
            "GET /search/results.html?q=event+loop&page=2&sort=date HTTP/1.1",
            "Host: www.example.com",
            "Connection: keep-alive",
            "Cache-Control: max-age=0",
            "Upgrade-Insecure-Requests: 1",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
                + " Chrome/126.0.0.0 Safari/537.36",
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
                + "*/*;q=0.8",
            "Sec-Fetch-Site: same-origin",
            "Sec-Fetch-Mode: navigate",
            "Sec-Fetch-User: ?1",
            "Sec-Fetch-Dest: document",
            "Referer: https://www.example.com/search",
            "Accept-Encoding: gzip, deflate, br, zstd",
            "Accept-Language: en-GB,en;q=0.9",
            "Cookie: session=5f2d8a1c9b7e4f60; theme=dark; consent=yes",
            "If-None-Match: \"66f1b2c3-1a2b\"",
        ])

    private static let small = ParseRequest(
        name: "small", title: "a load generator's request",
        lines: ["GET / HTTP/1.1", "Host: 127.0.0.1:8080"])
}

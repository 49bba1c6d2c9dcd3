// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// The requests of one chain of redirects (RFC 9110, section 15.4): a response goes in, the next
/// request comes out. Pure.
struct RedirectTrail: Sendable {
    private struct Visit: Hashable, Sendable {
        let method: String
        let url: RequestURL
    }

    private let policy: RedirectPolicy
    private var visits: Set<Visit> = []
    /// The request that is to be made now.
    private(set) var request: ClientRequest
    /// How many redirects were followed.
    private(set) var count = 0

    init(_ request: ClientRequest, _ policy: RedirectPolicy) {
        self.request = request
        self.policy = policy
        visits.insert(Visit(method: request.method, url: request.url))
    }

    /// Whether a response sends its reader elsewhere: not one without `Location`.
    func isRedirect(status: Int, location: String?) -> Bool {
        location != nil && policy.limit > 0 && [301, 302, 303, 307, 308].contains(status)
    }

    /// Goes on to where a redirect leads.
    mutating func follow(status: Int, location: String) throws(HTTPClientError) {
        guard count < policy.limit else { throw .redirect(.tooMany) }
        var next = request
        do throws(HTTPURLError) {
            next.url = try request.url.resolving(location)
        } catch {
            throw .redirect(.badLocation(error))
        }
        if request.url.origin.isSecure && !next.url.origin.isSecure && !policy.allowsDowngrade {
            throw .redirect(.downgrade)
        }
        Self.changeMethod(of: &next, status)
        guard next.body.isRepeatable else { throw .redirect(.bodyNotRepeatable) }
        if next.url.origin != request.url.origin { Self.dropCredentials(of: &next) }
        let visit = Visit(method: next.method, url: next.url)
        guard visits.insert(visit).inserted else { throw .redirect(.loop) }
        request = next
        count += 1
    }

    /// 303: whatever it was becomes a GET, a HEAD stays one. 301 and 302: a POST does too, as all
    /// have always done (sections 15.4.2 to 15.4.4). 307 and 308: nothing changes.
    private static func changeMethod(of request: inout ClientRequest, _ status: Int) {
        let becomesGet =
            switch status {
            case 303: request.method != "HEAD"
            case 301, 302: request.method == "POST"
            default: false
            }
        guard becomesGet else { return }
        request.method = "GET"
        request.body = .none
        for field in request.fields.fields
        where field.name.utf8.count >= 8 && String(field.name.prefix(8)).isSameField(as: "content-")
        {
            request.fields.remove(field.name)
        }
    }

    /// What was meant for one server only. It does not come back if the chain does.
    private static func dropCredentials(of request: inout ClientRequest) {
        for name in ["Authorization", "Cookie", "Proxy-Authorization"] {
            request.fields.remove(name)
        }
    }
}

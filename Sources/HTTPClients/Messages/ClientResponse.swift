// SPDX-License-Identifier: MIT

internal import HTTP1Codec
public import Networking

/// What a server answered: its head, and a body that comes when it is asked for.
public struct ClientResponse: Sendable {
    /// 200 to 999, or 101 for an upgrade that was asked for. One above 599 counts as a 5xx (RFC
    /// 9110, section 15).
    public let status: Int
    /// The minor version of the server's HTTP/1.
    public let versionMinor: UInt8
    /// The fields, as they were sent, also where the body was decoded.
    public let fields: ReceivedFields
    /// Who answered: not the URL of the request, if there were redirects.
    public let url: RequestURL
    /// How many redirects were followed.
    public let redirectCount: Int
    /// The body. It can be read until the handler returns.
    public let body: ResponseBody

    /// The connection, if the server has switched to the protocol that was asked for: until the
    /// handler returns. The client closes it.
    public var upgraded: StreamConnection? { status == 101 ? body.upgraded : nil }
}

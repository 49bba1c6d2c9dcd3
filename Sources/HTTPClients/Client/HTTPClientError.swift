// SPDX-License-Identifier: MIT

public import EventLoops
public import HTTP1Codec
public import Networking

/// Why a request has no answer, or not all of it.
public enum HTTPClientError: Error, Hashable, Sendable {
    /// Which limit in time was reached.
    public enum TimeLimit: Hashable, Sendable {
        /// `HTTPClientConfiguration.connectTimeout`, in the line for a connection.
        case waiting
        /// `HTTPClientConfiguration.connectTimeout`: look-up, connecting, tunnel, handshake.
        case connect
        /// `HTTPClientConfiguration.idleTimeout`: not a byte has moved for so long.
        case idle
        /// The time of the whole request.
        case request
    }

    /// Why a request cannot be sent at all.
    public enum RequestFault: Hashable, Sendable {
        /// The method is no token, or CONNECT; or TRACE with a body (RFC 9110, section 9.3.8).
        case method
        /// A field's name is no token, or its value has a control byte.
        case field
        /// A field that is the client's own.
        case ownField(name: String)
    }

    /// Why a redirect was not followed.
    public enum RedirectFault: Hashable, Sendable {
        /// More than `RedirectPolicy.limit`.
        case tooMany
        /// The same request was made before in this chain.
        case loop
        /// From https to http, which `RedirectPolicy.allowsDowngrade` has not allowed.
        case downgrade
        /// `Location` holds no URL that could be asked for.
        case badLocation(HTTPURLError)
        /// The body would have to be sent again, and cannot.
        case bodyNotRepeatable
    }

    /// The request cannot be sent.
    case badRequest(RequestFault)
    /// The client is closed.
    case closed
    /// More than `PoolLimits.waitingRequestsMax` wait already.
    case tooManyWaiting
    /// A limit in time was reached.
    case timedOut(TimeLimit)
    /// The task was cancelled.
    case cancelled
    /// No connection to the server, or to its proxy.
    case unreachable(ConnectFailure)
    /// The connection was lost before the end of the answer; nil if the server closed it.
    case disconnected(SystemError?)
    /// The answer is not by the protocol, or beyond `HTTPClientConfiguration.limits`; `truncated`
    /// if it ended too early.
    case malformed(HTTP1Error)
    /// More than `HTTPClientConfiguration.interimResponsesMax` interim responses.
    case tooManyInterimResponses
    /// The server has switched to a protocol that was not asked for.
    case unexpectedUpgrade
    /// The proxy opens no tunnel: its status.
    case proxyRefused(status: Int)
    /// The connection cannot be made secure, and why.
    case notSecure(String)
    /// A redirect was not followed.
    case redirect(RedirectFault)
    /// The request's body has more or fewer bytes than were promised.
    case bodyLength
    /// The response's body is longer than the caller takes.
    case bodyTooLong
    /// The response's body is not of the coding that it is said to be.
    case badCoding
    /// The handler has returned, and the body or the writer answers nothing any more.
    case over
}

extension HTTPClientError: CustomStringConvertible {
    /// A sentence without a full stop: "the server closed the connection too early".
    public var description: String {
        switch self {
        case .badRequest(.method): "the method cannot be sent"
        case .badRequest(.field): "a field cannot be sent"
        case .badRequest(.ownField(let name)): "the field \(name) is the client's own"
        case .closed: "the client is closed"
        case .tooManyWaiting: "too many requests wait for a connection"
        case .timedOut(let limit): Self.text(limit)
        case .cancelled: "cancelled"
        case .unreachable(let failure): "\(failure)"
        case .disconnected(let reason):
            reason.map { "the connection was lost: \($0)" }
                ?? "the server closed the connection before its answer"
        case .malformed(.truncated): "the answer ended too early"
        case .malformed(let error): "the answer is malformed: \(error)"
        case .tooManyInterimResponses: "too many interim responses"
        case .unexpectedUpgrade: "the server switched to a protocol that was not asked for"
        case .proxyRefused(let status): "the proxy opens no tunnel: status \(status)"
        case .notSecure(let reason): "no secure connection: \(reason)"
        case .redirect(let fault): Self.text(fault)
        case .bodyLength: "the request's body has not the length that was promised"
        case .bodyTooLong: "the answer's body is too long"
        case .badCoding: "the answer's body is not of the coding that it is said to be"
        case .over: "the request is over"
        }
    }

    private static func text(_ limit: TimeLimit) -> String {
        switch limit {
        case .waiting: "no connection became free in time"
        case .connect: "no connection in time"
        case .idle: "the server was silent for too long"
        case .request: "the request took too long"
        }
    }

    private static func text(_ fault: RedirectFault) -> String {
        switch fault {
        case .tooMany: "too many redirects"
        case .loop: "the redirects go in a circle"
        case .downgrade: "a redirect from https to http"
        case .badLocation(let error): "a redirect to what is no URL: \(error)"
        case .bodyNotRepeatable: "a redirect for which the body cannot be sent again"
        }
    }
}

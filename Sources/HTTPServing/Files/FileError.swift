// SPDX-License-Identifier: MIT

/// Why a file was not opened.
public enum FileError: Error, Equatable, Sendable {
    /// 400: see `FilePathMapping`.
    case malformedPath
    /// 404: there is no such file, it is hidden, no regular file, or a link that is not followed.
    case notFound
    /// 308 to the same path with a slash at its end: it names a folder.
    case isFolder
    /// 403: the process may not read it.
    case forbidden
    /// 406: the client refuses every coding in which the file is there.
    case notAcceptable
    /// 503: no descriptor or memory left.
    case exhausted(errno: Int32)
    /// 500: anything else.
    case failed(errno: Int32)

    /// What is wrong, in words.
    public var reason: String {
        switch self {
        case .malformedPath: "the path is malformed"
        case .notFound: "there is no such file or folder"
        case .isFolder: "it is a folder"
        case .forbidden: "the process may not read it"
        case .notAcceptable: "no coding of it is acceptable"
        case .exhausted(let code): "no descriptor or memory is left (errno \(code))"
        case .failed(let code): "the system refuses it (errno \(code))"
        }
    }
}

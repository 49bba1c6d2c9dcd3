// SPDX-License-Identifier: MIT

/// What a `FileRoot` serves.
public struct FileRootOptions: Sendable {
    /// The names that are tried in a folder, in this order.
    public var indexFiles = ["index.html"]
    /// Whether names are served that begin with a dot.
    public var hiddenFiles = HiddenFiles.wellKnown
    /// Whether symbolic links are followed, as long as they stay below the root.
    public var followsLinks = false
    /// The codings in which a file may lie beside itself, as `site.css.br` and `site.css.gz`. Only
    /// `br` and `gzip` count.
    public var precompressed: ContentCodings = []

    /// The values above.
    public init() {}
}

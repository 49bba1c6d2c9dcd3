// SPDX-License-Identifier: MIT

#if Examples
    internal import HTTPServing

    /// The page at "/": what runs here, live figures by server-sent events, a picture of the load.
    /// Its bytes are in the program: the package says `.embedInCode("index.html")`.
    enum Page {
        /// Nothing from elsewhere.
        static let policy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
            + "connect-src 'self'; img-src data:"

        /// The page, compressed once.
        static func files() throws -> EmbeddedFiles {
            let page = EmbeddedFile("index.html", PackageResources.index_html)
            return try EmbeddedFiles([page.compressed()], cacheControl: "no-cache")
        }
    }
#endif

package console

// docsRoot is the address of the documents.
const docsRoot = "https://github.com/usherhq/usher/blob/main/docs/"

// docPath returns the address of a document, perhaps with the name of a section.
func docPath(name string) string { return docsRoot + name }

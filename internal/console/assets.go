package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assetsRoot is the path of the assets. Each path contains a digest of the file, so that a changed
// file has another path.
const assetsRoot = root + "assets/"

// assets holds the files loaded by pages: styles, scripts, and their licences.
type assets struct {
	paths map[string]string // name → path
	files map[string]asset  // by path
}

type asset struct {
	kind string // media type
	text []byte
}

func newAssets() (*assets, error) {
	a := &assets{paths: map[string]string{}, files: map[string]asset{}}
	err := fs.WalkDir(assetFiles, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, "assets/")
		kind := mime.TypeByExtension(path.Ext(name))
		if kind == "" {
			kind = "text/plain; charset=utf-8" // licences
		}
		a.add(name, asset{kind, text})
		return nil
	})
	return a, errors.Join(err, a.join())
}

func (a *assets) add(name string, file asset) {
	sum := sha256.Sum256(file.text)
	a.paths[name] = assetsRoot + hex.EncodeToString(sum[:8]) + "/" + name
	a.files[a.paths[name]] = file
}

// join returns htmx and its extension as one file: htmx must not read the page before the
// extension is loaded.
func (a *assets) join() error {
	var whole asset
	for _, name := range []string{"vendor/htmx-4.0.1.min.js", "vendor/htmx-sse-4.0.1.min.js"} {
		path, err := a.path(name)
		if err != nil {
			return err
		}
		whole.kind = a.files[path].kind
		whole.text = append(append(whole.text, a.files[path].text...), ";\n"...)
	}
	a.add("htmx.js", whole)
	return nil
}

// path returns the path of a file.
func (a *assets) path(name string) (string, error) {
	p, ok := a.paths[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", name)
	}
	return p, nil
}

// ServeHTTP answers with a file. Browsers may keep the file forever.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a.files[r.URL.Path]
	if !ok || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Type", file.kind)
	_, _ = w.Write(file.text)
}

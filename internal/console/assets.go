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

// assetsRoot is where assets are served, by a digest of what they hold: a file
// that changes has another path.
const assetsRoot = root + "assets/"

// assets are the files that pages load: style, scripts, and what both come from.
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

// join makes one file of htmx and its extension: htmx reads the page as soon as it
// may, and must not do so before the extension is there.
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

// path is where a file is served.
func (a *assets) path(name string) (string, error) {
	p, ok := a.paths[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", name)
	}
	return p, nil
}

// ServeHTTP answers with a file, which may be kept for ever.
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

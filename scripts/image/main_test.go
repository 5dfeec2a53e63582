package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// read returns a blob, and fails if the digest differs from the name.
func (l layout) read(t *testing.T, digest string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(l.dir, "blobs", strings.Replace(digest, ":", "/", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(content)); got != digest {
		t.Errorf("the blob %s has the digest %s", digest, got)
	}
	return content
}

// TestImage follows the layout from the index to the files.
func TestImage(t *testing.T) {
	dir := t.TempDir()
	binary, trusted := filepath.Join(dir, "binary"), filepath.Join(dir, "ca.crt")
	for path, text := range map[string]string{binary: "program", trusted: "authorities"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := layout{filepath.Join(dir, "image")}
	if err := write(binary, trusted, l.dir); err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(l.dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Manifests []descriptor }
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	var config struct {
		Config struct {
			User       string
			Entrypoint []string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	unmarshal := func(text []byte, v any) {
		if err := json.Unmarshal(text, v); err != nil {
			t.Fatal(err)
		}
	}
	unmarshal(index, &list)
	unmarshal(l.read(t, list.Manifests[0].Digest), &manifest)
	unmarshal(l.read(t, manifest.Config.Digest), &config)
	if config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/usher" || config.RootFS.DiffIDs[0] != manifest.Layers[0].Digest {
		t.Errorf("got the configuration %+v", config)
	}
	files := map[string]*tar.Header{}
	archive := tar.NewReader(bytes.NewReader(l.read(t, manifest.Layers[0].Digest)))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = h
	}
	if h := files["usher"]; h == nil || h.Mode != 0o755 || h.Uid != 0 || h.Size != int64(len("program")) {
		t.Errorf("got the program %+v", h)
	}
	if h := files["data/"]; h == nil || h.Uid != nobody {
		t.Errorf("got the folder for data %+v", h)
	}
}

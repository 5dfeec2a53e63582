// Command image writes the image of Usher as an OCI layout, without a builder of images: the
// binary, certificate authorities and an empty /data, as deploy/release.Dockerfile.
//
//	go run ./scripts/image BINARY CERTIFICATES DIRECTORY
//
// The same binary and certificates give the same bytes.
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// nobody is the user of the process, and the owner of /data.
const nobody = 65532

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: image BINARY CERTIFICATES DIRECTORY")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// descriptor names a blob of the layout.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// layout writes blobs.
type layout struct{ dir string }

// write writes the layout into a directory.
func write(binary, certificates, dir string) error {
	l := layout{dir}
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil { //nolint:gosec // G301: an image is for everybody
		return err
	}
	files, err := layer(binary, certificates)
	if err != nil {
		return err
	}
	content, err := l.blob("application/vnd.oci.image.layer.v1.tar", files)
	if err != nil {
		return err
	}
	config, err := l.json("application/vnd.oci.image.config.v1+json", map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{
			"User": fmt.Sprintf("%d:%d", nobody, nobody), "Env": []string{"USHER_NATS_EMBEDDED_DIR=/data/nats"},
			"Entrypoint": []string{"/usher"}, "Cmd": []string{"serve"}, "ExposedPorts": map[string]any{"8080/tcp": struct{}{}}, "StopSignal": "SIGTERM",
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{content.Digest}},
	})
	if err != nil {
		return err
	}
	manifest, err := l.json("application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []descriptor{content},
	})
	if err != nil {
		return err
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []descriptor{manifest}})
	if err != nil {
		return err
	}
	if err := l.file("index.json", index); err != nil {
		return err
	}
	return l.file("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
}

// layer returns the files of the image as a tar archive.
func layer(binary, certificates string) ([]byte, error) {
	program, err := os.ReadFile(binary) //nolint:gosec // G703: the caller names the files
	if err != nil {
		return nil, err
	}
	trusted, err := os.ReadFile(certificates) //nolint:gosec // G703: the caller names the files
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		name string
		mode int64
		uid  int
		data []byte
	}{
		{"etc/", 0o755, 0, nil},
		{"etc/ssl/", 0o755, 0, nil},
		{"etc/ssl/certs/", 0o755, 0, nil},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, 0, trusted},
		{"usher", 0o755, 0, program},
		{"data/", 0o755, nobody, nil},
	} {
		h := &tar.Header{Name: f.name, Mode: f.mode, Uid: f.uid, Gid: f.uid, Size: int64(len(f.data)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if f.data == nil {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// json writes a value as a blob.
func (l layout) json(mediaType string, v any) (descriptor, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return descriptor{}, err
	}
	return l.blob(mediaType, text)
}

// blob writes bytes under their digest.
func (l layout) blob(mediaType string, content []byte) (descriptor, error) {
	sum := sha256.Sum256(content)
	name := hex.EncodeToString(sum[:])
	return descriptor{mediaType, "sha256:" + name, len(content)}, l.file(filepath.Join("blobs", "sha256", name), content)
}

func (l layout) file(name string, content []byte) error {
	return os.WriteFile(filepath.Join(l.dir, name), content, 0o644) //nolint:gosec // G306: an image is for everybody
}

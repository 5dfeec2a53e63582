package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAML writes v as one YAML document, with the names and the order of the members in JSON.
func YAML(w io.Writer, v any) error {
	var text bytes.Buffer
	if err := JSON(&text, v); err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text.Bytes(), &document); err != nil { // JSON is YAML
		return err
	}
	block(&document)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(&document), enc.Close())
}

// YAMLItem writes one of several YAML documents.
func YAMLItem(w io.Writer, v any) error {
	if _, err := io.WriteString(w, "---\n"); err != nil {
		return err
	}
	return YAML(w, v)
}

// JSONLine writes v as one line of JSON.
func JSONLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// switches are texts that YAML 1.1 reads as true or false: they stay between quotes.
var switches = []string{"y", "n", "yes", "no", "on", "off"}

// block gives a node and the nodes below the style of YAML instead of JSON's.
func block(n *yaml.Node) {
	if !slices.Contains(switches, strings.ToLower(n.Value)) {
		n.Style = 0
	}
	for _, below := range n.Content {
		block(below)
	}
}

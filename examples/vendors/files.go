// Package vendors holds descriptions of APIs for vendors of kind http, which the binary carries too.
package vendors

import "embed"

// Files holds the descriptions: NAME.yaml.
//
//go:embed *.yaml
var Files embed.FS

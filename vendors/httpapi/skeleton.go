package httpapi

import (
	_ "embed"
	"strings"
)

//go:embed skeleton.yaml
var skeleton string

// Skeleton returns a commented file for a vendor, without faults.
func Skeleton(name string) string {
	return strings.NewReplacer("USHER_NAME_", "USHER_"+strings.ToUpper(name)+"_", "NAME", name).Replace(skeleton)
}

// ValidName reports whether a name may be the name of a vendor.
func ValidName(name string) bool { return vendorName.MatchString(name) }

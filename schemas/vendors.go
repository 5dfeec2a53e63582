package schemas

import (
	"embed"
	"fmt"
)

//go:embed vendors/*.yaml
var vendorAPIs embed.FS

// VendorAPI returns the OpenAPI 3.1 document of a vendor's API, written from the vendor's
// documentation. Undocumented parts are marked as undocumented. A vendor without a document is
// an error.
func VendorAPI(name string) ([]byte, error) {
	document, err := vendorAPIs.ReadFile("vendors/" + name + ".openapi.yaml")
	if err != nil {
		return nil, fmt.Errorf("there is no OpenAPI document of vendor %q", name)
	}
	return document, nil
}

// HasVendorAPI reports whether there is a document of a vendor.
func HasVendorAPI(name string) bool {
	_, err := vendorAPIs.Open("vendors/" + name + ".openapi.yaml")
	return err == nil
}

package schemas

import (
	"embed"
	"fmt"
)

//go:embed vendors/*.yaml
var vendorAPIs embed.FS

// VendorAPI returns the OpenAPI 3.1 document of the vendor's API, written from
// what the vendor documents. What no document says is marked there as undocumented.
func VendorAPI(name string) ([]byte, error) {
	document, err := vendorAPIs.ReadFile("vendors/" + name + ".openapi.yaml")
	if err != nil {
		return nil, fmt.Errorf("there is no OpenAPI document of vendor %q", name)
	}
	return document, nil
}

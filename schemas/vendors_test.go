package schemas_test

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/usherhq/usher/schemas"
)

func TestVendorAPIIsOpenAPI(t *testing.T) {
	for _, vendor := range []string{"miestro", "meiro", "lead", "magloft", "usermost", "scim", "canvas", "xapi"} {
		t.Run(vendor, func(t *testing.T) {
			document, err := schemas.VendorAPI(vendor)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := openapi3.NewLoader().LoadFromData(document)
			if err != nil {
				t.Fatal(err)
			}
			if err := doc.Validate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !doc.IsOpenAPI31OrLater() {
				t.Errorf("got OpenAPI %s, want 3.1", doc.OpenAPI)
			}
		})
	}
}

func TestVendorAPIUnknown(t *testing.T) {
	if _, err := schemas.VendorAPI("nobody"); err == nil {
		t.Error("got a document of a vendor that there is not")
	}
}

package vendortest_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usherhq/usher/schemas"
	"github.com/usherhq/usher/vendors/vendortest"
)

// printer is a test that prints its errors.
type printer struct{ testing.TB }

func (printer) Helper() {}

func (printer) Errorf(format string, args ...any) {
	first, _, _ := strings.Cut(fmt.Sprintf(format, args...), ":")
	fmt.Println(first)
}

// The contract checks requests and responses against the vendor's OpenAPI document.
func ExampleNewContract() {
	document, err := schemas.VendorAPI("miestro")
	if err != nil {
		log.Fatal(err)
	}
	contract := vendortest.NewContract(printer{}, document, "/api/v1.0")
	server := contract.Wrap(http.NotFoundHandler())
	server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/v1.0/people", nil))
	fmt.Println(len(contract.Untried()) > 0)
	// Output:
	// request GET /api/v1.0/people
	// true
}

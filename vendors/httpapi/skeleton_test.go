package httpapi_test

import (
	"testing"

	"github.com/usherhq/usher/vendors/httpapi"
)

func TestSkeletonHasNoFault(t *testing.T) {
	if err := httpapi.Lint("acme.yaml", []byte(httpapi.Skeleton("acme"))); err != nil {
		t.Error(err)
	}
	if !httpapi.ValidName("acme2") || httpapi.ValidName("Acme") || httpapi.ValidName("") {
		t.Error("the form of names is wrong")
	}
}

package console

import (
	"fmt"
	"net/http"
	"slices"
)

// The permissions that a person may be limited to.
const (
	mayReplay  = "replay"  // send back and drop dead letters
	mayApprove = "approve" // approve and drop held deletions
	mayPause   = "pause"   // pause, resume, and try a vendor on hold
	maySend    = "send"    // send events, and run a user again
	mayReveal  = "reveal"  // see personal data
)

// Rights limit an operator. The zero value is no limit.
type Rights struct {
	Vendors []string // only at these vendors; empty: at all
	May     []string // only these permissions; empty: all
}

// allows reports whether the rights include a permission at a vendor. An empty vendor stands for all
// vendors together.
func (r Rights) allows(permission, vendor string) bool {
	return (len(r.May) == 0 || slices.Contains(r.May, permission)) && (len(r.Vendors) == 0 || slices.Contains(r.Vendors, vendor))
}

// limited reports whether there is any limit.
func (r Rights) limited() bool { return len(r.May)+len(r.Vendors) > 0 }

// May reports whether the visitor may do a permission at a vendor, or for an empty name at all vendors.
func (v visitor) May(permission, vendor string) bool {
	return v.Operator && v.rights.allows(permission, vendor)
}

// permissions are the permissions of the routes of operators. A route that is not listed needs an operator
// without limits.
var permissions = map[string]func(*visit) (permission, vendor string){
	"POST /console/dead": func(v *visit) (string, string) {
		return mayReplay, v.who.someVendor() // carryOut checks the vendor of each dead letter
	},
	"POST /console/dead/follow": func(v *visit) (string, string) { return mayReplay, v.who.someVendor() },
	"POST /console/dead/{vendor}/{type}/{key}": func(v *visit) (string, string) {
		if v.PostFormValue("do") == actionReveal {
			return mayReveal, v.PathValue("vendor")
		}
		return mayReplay, v.PathValue("vendor")
	},
	"POST /console/user":                    func(*visit) (string, string) { return maySend, "" },
	"GET /console/send":                     func(*visit) (string, string) { return maySend, "" },
	"POST /console/send":                    func(*visit) (string, string) { return maySend, "" },
	"POST /console/deletions":               func(v *visit) (string, string) { return mayApprove, v.PostFormValue("vendor") },
	"POST /console/vendors/{vendor}/pause":  func(v *visit) (string, string) { return mayPause, v.PathValue("vendor") },
	"POST /console/vendors/{vendor}/resume": func(v *visit) (string, string) { return mayPause, v.PathValue("vendor") },
	"POST /console/vendors/{vendor}/check":  func(v *visit) (string, string) { return mayPause, v.PathValue("vendor") },
}

// someVendor returns a vendor of the rights; empty for all vendors.
func (v visitor) someVendor() string {
	if len(v.rights.Vendors) == 0 {
		return ""
	}
	return v.rights.Vendors[0]
}

// forbidden returns the refusal of a route for the rights of the visitor; nil if the visitor may.
func forbidden(v *visit, pattern string) error {
	permission, listed := permissions[pattern]
	if !listed {
		if v.who.rights.limited() {
			return &refusal{http.StatusForbidden, "Not with your rights", "Nothing was done: this needs an operator without limits."}
		}
		return nil
	}
	if name, vendor := permission(v); !v.who.May(name, vendor) {
		return notMay(name, vendor)
	}
	return nil
}

// notMay returns the refusal of a permission at a vendor.
func notMay(permission, vendor string) error {
	at := "all vendors together"
	if vendor != "" {
		at = vendor
	}
	return &refusal{http.StatusForbidden, "Not with your rights", fmt.Sprintf("Nothing was done: your rights do not include %q at %s. They stand in console.people or console.oidc of the configuration.", permission, at)}
}

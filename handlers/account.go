package handlers

import (
	"fmt"

	"github.com/usherhq/usher/vendors"
)

// maxAccountID is the most bytes of an id of the vendor, and of the user id that the vendor keeps.
const maxAccountID = 1 << 10

// proper returns an account as a call of the vendor shows it, or the error of the call. An account with
// a long id is an unreadable response: records, results and the history of all vendors would keep the id,
// and a record beyond the limit of NATS could never be stored. changes reports that the call made the
// account.
func (v Vendor) proper(op string, changes bool, a vendors.Account, err error) (vendors.Account, error) {
	if err != nil || len(a.ID) <= maxAccountID && len(a.Owner) <= maxAccountID {
		return a, err
	}
	return vendors.Account{}, &vendors.Error{
		Vendor: v.Name, Op: op, Unreadable: true, Unknown: changes,
		Message: fmt.Sprintf("the response has an id of more than %d bytes", maxAccountID),
	}
}

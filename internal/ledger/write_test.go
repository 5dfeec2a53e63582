package ledger

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// draw returns any value of a type; of a struct, each field is drawn, so that one
// that is added to the record is in it.
func draw(t *rapid.T, v reflect.Value) {
	if _, isTime := v.Interface().(time.Time); isTime {
		zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", 7200), time.FixedZone("", -12600)}).Draw(t, "zone")
		if rapid.Bool().Draw(t, "given") {
			v.Set(reflect.ValueOf(time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).In(zone)))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			draw(t, v.Field(i))
		}
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "usermost", `"<&>\`, "\x00\u2028é"})).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "n"))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64Range(0, 1<<62).Draw(t, "u"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, v.Elem())
		}
	case reflect.Slice:
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			draw(t, v.Index(v.Len()-1))
		}
	case reflect.Map:
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			draw(t, key)
			draw(t, value)
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			v.SetMapIndex(key, value)
		}
	default:
		panic(fmt.Sprint("a field of a kind that is not drawn yet: ", v.Type()))
	}
}

// TestARecordIsReadAsItWasWritten holds the writing of records to encoding/json,
// for records in which every field may be anything.
func TestARecordIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want, got Account
		draw(t, reflect.ValueOf(&want).Elem())
		written := want.write(nil)
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatalf("%v in %s", err, written)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("a record is read otherwise than it was written (-want +got):\n%s", diff)
		}
	})
}

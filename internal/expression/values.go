package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/usherhq/usher/events"
)

// maxValue bounds the value of one expression in bytes: a short expression can repeat a long
// payload many times.
const maxValue = events.MaxSize

var errTooLarge = errors.New("yields more than the maximum size of an event: use less of the input")

// plain returns v in the types of JSON, or a time, and subtracts the size from left.
func plain(v ref.Val, left *int) (any, error) {
	if *left -= 8; *left < 0 {
		return nil, errTooLarge
	}
	switch v := v.(type) {
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return plain(v.GetValue(), left)
	case types.Null:
		return nil, nil
	case types.String:
		if *left -= len(v); *left < 0 {
			return nil, errTooLarge
		}
		return string(v), nil
	case types.Double:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	case types.Bool, types.Int, types.Uint, types.Timestamp:
		return v.Value(), nil
	case traits.Mapper:
		return plainMap(v, left)
	case traits.Lister:
		return plainList(v, left)
	}
	return nil, fmt.Errorf("yields a %s, which JSON lacks", v.Type().TypeName())
}

func plainMap(v traits.Mapper, left *int) (any, error) {
	out := map[string]any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, errors.New("yields an object with a name that is not a text")
		}
		*left -= len(name)
		value, err := plain(v.Get(key), left)
		if err != nil {
			return nil, err
		}
		out[string(name)] = value
	}
	return out, nil
}

func plainList(v traits.Lister, left *int) (any, error) {
	out := []any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		value, err := plain(it.Next(), left)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

// Numbers converts each json.Number in a JSON value: integers to int64, so that ids stay exact, and others to uint64 or
// float64.
func Numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = Numbers(value)
		}
	case []any:
		for i, value := range v {
			v[i] = Numbers(value)
		}
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return n
		}
		f, _ := v.Float64() // events reject numbers outside of float64
		return f
	}
	return v
}

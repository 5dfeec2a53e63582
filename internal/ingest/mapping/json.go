package mapping

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

const jsonOverload = "json_string"

// jsonFunction is json(text), the JSON value in a text, by the rules for payloads.
func jsonFunction() cel.EnvOption {
	return cel.Function("json", cel.Overload(jsonOverload, []*cel.Type{cel.StringType}, cel.DynType,
		cel.UnaryBinding(func(text ref.Val) ref.Val {
			s, ok := text.(types.String)
			if !ok {
				return types.MaybeNoSuchOverloadErr(text)
			}
			value, err := parse([]byte(s))
			if err != nil {
				return types.NewErr("the text is no JSON")
			}
			return types.DefaultTypeAdapter.NativeToValue(value)
		})))
}

// jsonCost makes a call of json cost one unit for each byte: in a loop, the limit ends the
// evaluation after some reading of a payload.
func jsonCost() cel.ProgramOption {
	return cel.CostTrackerOptions(cost.OverloadTracker(jsonOverload, func(args []ref.Val, _ ref.Val) *uint64 {
		s, _ := args[0].(types.String)
		return new(uint64(len(s)) + 1)
	}))
}

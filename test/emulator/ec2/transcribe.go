package ec2

import "reflect"

// transcribe copies the fields of one of the SDK's structs into the fields of the same names of another, through all levels. EC2's request,
// response and launch types repeat each other under different names.
func transcribe(from, into any) {
	copyValue(reflect.ValueOf(from).Elem(), reflect.ValueOf(into).Elem())
}

func copyValue(from, into reflect.Value) {
	switch {
	case from.Type() == into.Type():
		into.Set(from)
	case from.Kind() == reflect.Pointer && into.Kind() == reflect.Pointer:
		if !from.IsNil() {
			into.Set(reflect.New(into.Type().Elem()))
			copyValue(from.Elem(), into.Elem())
		}
	case from.Kind() == reflect.Slice && into.Kind() == reflect.Slice:
		if !from.IsNil() {
			into.Set(reflect.MakeSlice(into.Type(), from.Len(), from.Len()))
			for i := range from.Len() {
				copyValue(from.Index(i), into.Index(i))
			}
		}
	case from.Kind() == reflect.Struct && into.Kind() == reflect.Struct:
		for i := range from.NumField() {
			field := from.Type().Field(i)
			if target := into.FieldByName(field.Name); field.IsExported() && target.IsValid() {
				copyValue(from.Field(i), target)
			}
		}
	case from.Kind() == into.Kind() && from.Type().ConvertibleTo(into.Type()):
		into.Set(from.Convert(into.Type()))
	}
}

// overlayFields sets the fields of into to those of from that are set; both are of one type.
func overlayFields[T any](from, into *T) {
	source, target := reflect.ValueOf(from).Elem(), reflect.ValueOf(into).Elem()
	for i := range source.NumField() {
		if source.Type().Field(i).IsExported() && !source.Field(i).IsZero() {
			target.Field(i).Set(source.Field(i))
		}
	}
}

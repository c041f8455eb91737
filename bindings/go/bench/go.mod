module github.com/vasto-db/vasto/bindings/go/bench

go 1.26.0

replace github.com/vasto-db/vasto/bindings/go => ..

require (
	github.com/redis/go-redis/v9 v9.23.0
	github.com/vasto-db/vasto/bindings/go v0.0.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/ebitengine/purego v0.11.3 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

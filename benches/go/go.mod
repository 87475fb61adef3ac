module headcount/decode

go 1.19

%% @doc What reads of vector sets answer.
%% @private
-module(eslaver_mirror_vector_arguments).

-export_type([info/0, raw/0, quantization/0]).

-type quantization() :: f32 | int8 | bin.

-type raw() :: {quantization(), Vector :: binary(), L2 :: float(), Range :: float()}.
%% The vector as the server keeps it. The range is 0.0 unless the quantization is `int8'.

-type info() :: #{
    quant_type := quantization(),
    hnsw_m := pos_integer(),
    vector_dim := pos_integer(),
    projection_input_dim := non_neg_integer(),
    size := non_neg_integer(),
    attributes_count := non_neg_integer()
}.

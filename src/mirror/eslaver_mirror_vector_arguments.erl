%% @doc What reads of vector sets answer.
%% @private
-module(eslaver_mirror_vector_arguments).

